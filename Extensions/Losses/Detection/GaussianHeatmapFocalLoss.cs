using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// y = 1: -(1 - s)^Alpha ln s; y &lt; 1: -(1 - y)^Beta s^Alpha ln(1 - s), s = sigmoid(logit). <c>targets</c> y in [0, 1] are heat maps: exactly 1 at the
/// objects' centres (set it after drawing: 0.999 is a negative), a Gaussian around each, the maximum where they overlap; below 0: ignored. <c>mean</c>
/// divides by max(1, number of ones). Law and Deng 2018 (CornerNet), Zhou et al. 2019 (CenterNet); equals mmdetection's <c>gaussian_focal_loss</c>, which
/// takes s, adds 1e-12 inside the logarithms and calls Beta gamma.
/// </summary>
[LossGuide(
    "y = 1: -(1-s)^α ln s; y < 1: -(1-y)^β s^α ln(1-s); sum / centres",
    Use = "heat maps of centres or corners",
    Avoid = "peaks that are not exactly 1",
    Cost = "one pass over the logits",
    Paper = "Law and Deng 2018"
)]
public sealed record GaussianHeatmapFocalLoss : DenseDetectionLoss
{
    /// <summary>How strongly easy places are weighed down; 0: not at all. Default 2.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>How strongly places near a centre are excused; 0: not at all. Default 4.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 4;

    private protected override bool HasCost => true;

    private protected override DenseCost Cost(Tensor x, Tensor y, bool wantsSlopes)
    {
        var positives = y.eq(1);
        var ones = positives.to(x.dtype);
        var signs = 1 - 2 * ones;
        var (values, slopes) = DenseScores.Modulated(x * signs, Alpha, wantsSlopes);
        var weights = Beta == 0 ? ones.fill_(1) : DenseScores.Power(1 - y.to(x.dtype), Beta).add_(ones);
        weights.mul_(y.ge(0));
        return new(values.mul_(weights), slopes?.mul_(weights).mul_(signs), positives);
    }
}
