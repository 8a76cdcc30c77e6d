using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// |y - s|^Beta BCE(s, y), s = sigmoid(logit): <c>targets</c> y in [0, 1] are the IoU of the positive's predicted box with its object at its class, 0
/// elsewhere, below 0 ignored. <c>mean</c> divides by max(1, number of y &gt; 0). Li et al. 2020 (generalized focal loss); the same sum as mmdetection's
/// <c>quality_focal_loss</c>, which takes (label, score).
/// </summary>
[LossGuide(
    "|y - s|^β BCE(s, y); sum / positives",
    Use = "one score for class and box quality",
    Avoid = "y from before the box moved: take the current prediction's IoU, detached",
    Cost = "one pass over the logits",
    Paper = "Li et al. 2020"
)]
public sealed record QualityFocalLoss : DenseDetectionLoss
{
    /// <summary>How strongly places close to their target are weighed down. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 2;

    private protected override bool HasCost => true;

    private protected override DenseCost Cost(Tensor x, Tensor y, bool wantsSlopes)
    {
        var counted = y.ge(0).to(x.dtype); // once: products with truth values are slow
        y = y.to(x.dtype).clamp(min: 0);
        var s = x.sigmoid();
        var off = s - y;
        var distance = Beta == 2 ? off : off.abs(); // a square knows no sign
        var entropy = Softplus.Of(x).addcmul_(x, y, -1);
        var factor = DenseScores.Power(distance, Beta);
        Tensor? slopes = null;
        if (wantsSlopes)
        {
            // Below Beta 1 the factor's slope at distance 0 is infinite; it counts as 0.
            var steep =
                Beta == 2 ? off
                : Beta < 1 ? distance.pow(Beta - 1).masked_fill_(distance.eq(0), 0).mul_(off.sign())
                : DenseScores.Power(distance, Beta - 1) * off.sign();
            slopes = (factor * off).addcmul_(steep * entropy, (1 - s).mul_(s), Beta).mul_(counted);
        }
        return new(entropy.mul_(factor).mul_(counted), slopes, y.gt(0));
    }
}
