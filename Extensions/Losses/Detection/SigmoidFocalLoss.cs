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

    private protected override bool HasCost => true;

    private protected override DenseCost Cost(Tensor x, Tensor y, bool wantsSlopes)
    {
        var positives = y.eq(1);
        var ones = positives.to(x.dtype);
        var signs = 1 - 2 * ones;
        var (values, slopes) = DenseScores.Modulated(x * signs, Gamma, wantsSlopes);
        var weights = Alpha is { } alpha ? ones.mul_(2 * alpha - 1).add_(1 - alpha) : ones.fill_(1);
        weights.mul_(y.ge(0));
        return new(values.mul_(weights), slopes?.mul_(weights).mul_(signs), positives);
    }
}
