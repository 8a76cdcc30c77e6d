using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Positive pairs cost max(0, d - PositiveMargin), negative pairs max(0, NegativeMargin - d); the value is the mean of the positives plus the mean of the
/// negatives. With a similarity s: max(0, PositiveMargin - s) and max(0, s - NegativeMargin). Margins are on the scale of the distance: unit vectors have
/// d &lt;= 2. <c>mean</c> and <c>sum</c>. Hadsell et al. 2006 (who square both hinges of raw embeddings); follows pytorch-metric-learning's
/// <c>ContrastiveLoss</c>, but for margins that fit a similarity.
/// </summary>
[LossGuide(
    "mean max(0, d⁺ - m⁺) + mean max(0, m⁻ - d⁻)",
    Use = "verification with a fixed threshold on the distance",
    Avoid = "batches without several samples a class; margins on another scale than the distance",
    Cost = "one distance matrix",
    Paper = "Hadsell et al. 2006"
)]
public sealed record ContrastiveLoss : MinedMetricLoss
{
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

    private protected override bool ServesMemory => true;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call) =>
        ContrastiveTerms.Of(pairs, mined, Distance, PositiveMargin, NegativeMargin, AverageNonZero);
}
