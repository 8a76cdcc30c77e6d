using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Cross-entropy of Scale * cos(x, w_j), the target's cosine less Margin. Parameter <c>weight</c> [C, D], normal(0, 1). Margin must shrink with C where D
/// is small: no C directions are farther apart than it. Wang et al. 2018; follows pytorch-metric-learning's <c>CosFaceLoss</c> (insightface: margin 0.4).
/// </summary>
[LossGuide(
    "cross-entropy of s cos, the target's s (cos - m)",
    Use = "as ArcFace; starts more easily",
    Avoid = "predicting with the margin; few features and many classes",
    Cost = "three products of N × D × C",
    Paper = "Wang et al. 2018"
)]
public sealed record CosFaceLoss : ClassifierMetricLoss
{
    /// <summary>Taken off the target's cosine. Default 0.35.</summary>
    [Interval("[0, 2)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.35;

    /// <summary>Multiplies the cosines. Default 64.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 64;

    private protected override double LogitScale => Scale;

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        cosines => MarginTarget.Additive(cosines, Margin);
}
