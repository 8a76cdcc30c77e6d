using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// s = sigmoid(logit): y = 1: -Alpha (1 - s)^Gamma ln s; y = 0: -(1 - Alpha) s^Gamma ln(1 - s). <c>targets</c> 0, 1, or below 0 (ignored). <c>mean</c>
/// divides by max(1, number of ones). Gamma 0 is the (weighted) cross-entropy. Lin et al. 2017 (RetinaNet); follows torchvision's
/// <c>sigmoid_focal_loss</c> term by term. The classification loss <c>Focal</c> differs in its default Alpha and its divisor.
/// </summary>
[LossGuide(
    "y = 1: -α (1-s)^γ ln s; y = 0: -(1-α) s^γ ln(1-s); sum / positives",
    Use = "class scores of dense anchors, most of them background",
    Avoid = "dividing by all anchors: the loss all but vanishes; a last bias of 0",
    Cost = "one pass over the logits",
    Paper = "Lin et al. 2017"
)]
public sealed record SigmoidFocalLoss : DenseDetectionLoss
{
    /// <summary>The weight of positives; negatives get 1 - Alpha. Null: both 1. Default 0.25.</summary>
    [Interval("[0, 1]")]
    public double? Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.25;

    /// <summary>How strongly easy places are weighed down; 0: not at all. Default 2.</summary>
    [Interval("[0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 2;

    private protected override bool TakesSoftTargets => false;

    private protected override (Tensor Values, Tensor Positives)? Costs(Tensor logits, Tensor targets, bool summed) =>
        ElementFormulas.Of(new Formula(Alpha, Gamma), summed, logits, targets);

    internal readonly record struct Formula(double? Alpha, double Gamma) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            var y = inputs[1];
            count = DenseScores.IsOne(y);
            var weight = Alpha is { } alpha ? count * (2 * alpha - 1) + (1 - alpha) : V.Of(1);
            return DenseScores.Counted(y, BinaryCosts.Focal(inputs[0], count, weight, Gamma, slopes), slopes);
        }
    }
}
