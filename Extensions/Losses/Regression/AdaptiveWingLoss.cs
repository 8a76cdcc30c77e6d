using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// For heat maps [N, K, H, W], targets y in [0, 1], raw predictions (no sigmoid). d = |predictions - targets|, k = Alpha - y: l = Omega
/// log(1 + (d / Curvature)^k) if d &lt; Theta, else A (d - Theta) + Omega log(1 + (Theta / Curvature)^k), where A = Omega k (Theta /
/// Curvature)^(k - 1) / (Curvature (1 + (Theta / Curvature)^k)) makes the slope continuous. The gradient also flows to the targets. The
/// paper's weighted loss map (11 where the dilated target exceeds 0.2, else 1) is the input <c>weights</c>; the mean then divides by the
/// sum of weights, the paper's by the number of pixels. Wang, Bo and Fuxin 2019; follows mmpose's <c>AdaptiveWingLoss</c>.
/// </summary>
[LossGuide(
    "ω log(1 + (|x|/ε)^(α - y)) for |x| < θ, else linear",
    Use = "heat-map regression: sharp near peaks, tolerant on background",
    Avoid = "coordinates (Wing); a sigmoid before the loss",
    Cost = "about fifteen passes",
    Paper = "Wang, Bo and Fuxin 2019"
)]
public sealed record AdaptiveWingLoss : RegressionLoss
{
    /// <summary>The exponent on background (y = 0); on peaks it is Alpha - 1. Above 2 the exponent stays above 1. Default 2.1.</summary>
    [Interval("(1, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 2.1;

    /// <summary>The height of the loss. Default 14.</summary>
    [Interval("(0, inf)")]
    public double Omega
    {
        get;
        init => field = Valid(value);
    } = 14;

    /// <summary>The paper's epsilon: the |x| of heat at which the power is 1. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Curvature
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The |x| of heat from which the loss is linear. Default 0.5.</summary>
    [Interval("(0, inf)")]
    public double Theta
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var size = (predictions - targets).abs();
        var exponent = Alpha - targets;
        // log(1 + r^k) = softplus(k log r) and r^k / (1 + r^k) = sigmoid(k log r) hold for any exponent. At 0 the clamp keeps log 0 off the
        // graph, and the sign makes the value 0.
        var ratio = size.clamp(FocalCurve.Tiny, Theta) / Curvature;
        var near = Softplus.Of(exponent * ratio.log()) * size.sign();
        var slope = exponent * (exponent * Math.Log(Theta / Curvature)).sigmoid() / Theta;
        return new((near + slope * (size - Theta).relu()) * Omega);
    }
}
