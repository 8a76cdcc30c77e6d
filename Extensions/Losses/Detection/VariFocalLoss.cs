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

    private protected override bool HasCost => true;

    private protected override DenseCost Cost(Tensor x, Tensor y, bool wantsSlopes)
    {
        var positives = y.gt(0);
        var qualities = y.to(x.dtype).mul(positives); // the weights of positives, 0 elsewhere
        var negatives = y.eq(0).to(x.dtype).mul_(Alpha);
        var (s, softplus) = (x.sigmoid(), Softplus.Of(x));
        var entropies = addcmul(softplus, x, qualities, -1);
        var (values, slopes) = DenseScores.Modulated(s, softplus, Gamma, wantsSlopes);
        values.mul_(negatives).addcmul_(entropies, qualities, 1);
        slopes?.mul_(negatives).addcmul_(s.sub_(qualities), qualities, 1);
        return new(values, slopes, positives);
    }
}
