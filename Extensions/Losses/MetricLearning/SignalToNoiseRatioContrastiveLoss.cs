using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The contrastive loss with d = Var(x - y) / Var(x) (<see cref="SignalToNoiseRatioDistance"/>, x the anchor), plus
/// ZeroMeanRegularization * mean_i |sum_m x_im| of the raw embeddings, once, whatever the reduction. Embeddings of at least 2 features. Yuan et al. 2019;
/// follows pytorch-metric-learning's <c>SignalToNoiseRatioContrastiveLoss</c>.
/// </summary>
[LossGuide(
    "contrastive with d = Var(x - y)/Var(x), + λ mean |Σ x|",
    Use = "retrieval where noise in the features matters more than angles",
    Avoid = "expecting d(x, y) = d(y, x)",
    Cost = "one distance matrix",
    Paper = "Yuan et al. 2019"
)]
public sealed record SignalToNoiseRatioContrastiveLoss : MinedMetricLoss
{
    /// <summary>The loss with the signal-to-noise ratio as its distance.</summary>
    public SignalToNoiseRatioContrastiveLoss() => Distance = new SignalToNoiseRatioDistance();

    /// <summary>Positives within it cost nothing. Null (the default): 0, of a similarity 1.</summary>
    [Interval("(-inf, inf)")]
    public double? PositiveMargin
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Negatives beyond it cost nothing. Null (the default): 1, of a similarity 0.</summary>
    [Interval("(-inf, inf)")]
    public double? NegativeMargin
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Whether the means are over pairs that cost something; false: over all. Default true.</summary>
    public bool AverageNonZero { get; init; } = true;

    /// <summary>The weight of the term that pulls the sum of each embedding's features to 0. Default 0.</summary>
    [Interval("[0, inf)")]
    public double ZeroMeanRegularization
    {
        get;
        init => field = Valid(value);
    }

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        Tensor? regularizer = ZeroMeanRegularization > 0 ? pairs.Anchors.sum([1]).abs().mean() * ZeroMeanRegularization : null;
        return ContrastiveTerms.Of(pairs, mined, Distance, PositiveMargin, NegativeMargin, AverageNonZero, regularizer);
    }
}
