using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Cross-entropy of cos(x, w_j) / Temperature. Parameter <c>weight</c> [C, D], normal(0, 1). CosFace with Margin 0 and Scale 1 / Temperature. Zhai and Wu
/// 2019; follows pytorch-metric-learning's <c>NormalizedSoftmaxLoss</c>.
/// </summary>
[LossGuide(
    "cross-entropy of cos / T",
    Use = "the plain baseline of learning embeddings by classification",
    Avoid = "temperatures near 1: the cosines cannot get far apart",
    Cost = "three products of N × D × C",
    Paper = "Zhai and Wu 2019"
)]
public sealed record NormalizedSoftmaxLoss : ClassifierMetricLoss
{
    /// <summary>Divides the cosines. Default 0.05.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.05;

    private protected override double LogitScale => 1 / Temperature;

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        cosines => MarginTarget.Additive(cosines, 0);
}
