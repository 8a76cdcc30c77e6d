using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// y &gt; 0: y BCE(s, y); y = 0: -Alpha s^Gamma ln(1 - s), s = sigmoid(logit): <c>targets</c> y in [0, 1] are the IoU of the positive's predicted box with
/// its object at its class, 0 elsewhere, below 0 ignored. Positives are weighed by their quality and not weighed down when easy. <c>mean</c> divides by
/// max(1, number of y &gt; 0). Zhang et al. 2021 (VarifocalNet); follows mmdetection's <c>varifocal_loss</c> (iou_weighted).
/// </summary>
[LossGuide(
    "y > 0: y BCE(s, y); y = 0: -α s^γ ln(1-s); sum / positives",
    Use = "one score for class and box quality, where positives are few",
    Avoid = "targets of 0/1 only: positives are then plain cross-entropy",
    Cost = "one pass over the logits",
    Paper = "Zhang et al. 2021"
)]
public sealed record VariFocalLoss : DenseDetectionLoss
{
    /// <summary>The weight of negatives. Default 0.75.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.75;

    /// <summary>How strongly easy negatives are weighed down; 0: not at all. Default 2.</summary>
    [Interval("[0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 2;

    private protected override (Tensor Values, Tensor Positives)? Costs(Tensor logits, Tensor targets, bool summed) =>
        ElementFormulas.Of(new Formula(Alpha, Gamma), summed, logits, targets);

    internal readonly record struct Formula(double Alpha, double Gamma) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            var (x, y) = (inputs[0], inputs[1]);
            count = V.Choose(y, V.Of(1), default);
            var score = V.LogisticOf(x);
            var factor = FormulaNumbers.Power(score.Sigmoid, Gamma) * Alpha;
            if (!slopes.IsEmpty)
                slopes[0] = V.Choose(y, (score.Sigmoid - y) * y, (score.Rest * score.Softplus * Gamma + score.Sigmoid) * factor);
            return DenseScores.Counted(y, V.Choose(y, (score.Softplus - x * y) * y, score.Softplus * factor), slopes);
        }
    }
}
