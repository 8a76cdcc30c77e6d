using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each positive pair (i, j) 1/2 max(0, log(sum_{n neg of i} exp(Margin - d_in) + sum_{n neg of j} exp(Margin - d_jn)) + d_ij)^2, mean over the pairs.
/// <see cref="Generalized"/>: of each anchor max(0, log sum_pos exp(d_ap) + log sum_neg exp(Margin - d_an)), mean over the anchors that have both. With a
/// similarity -s stands for d. No positive or no negative: 0. <c>mean</c> and <c>sum</c>. Oh Song et al. 2016; Hermans et al. 2017 eq. 6. Follows
/// pytorch-metric-learning, whose generalised form lets anchors without positives push too.
/// </summary>
[LossGuide(
    "½ max(0, ln(Σₙ exp(m - d_in) + Σₙ exp(m - d_jn)) + d_ij)²",
    Use = "retrieval with several samples a class, all negatives at once",
    Avoid = "the plain form with separate references or a memory (take Generalized)",
    Cost = "one distance matrix",
    Paper = "Oh Song et al. 2016"
)]
public sealed record LiftedStructureLoss : PairMetricLoss
{
    /// <summary>By how much negatives shall be farther than positives, in units of the distance. Default 1.</summary>
    [Interval("(-inf, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>A term an anchor instead of a positive pair. Default false.</summary>
    public bool Generalized { get; init; }

    /// <summary>How far apart two embeddings are. Default Euclidean distance of unit vectors.</summary>
    public Distance Distance
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Distance));
    } = new EuclideanDistance();

    private protected override bool ServesMemory => Generalized;

    /// <inheritdoc/>
    protected internal override void Validate() => Distance.Validate();

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var d = pairs.Dissimilarity(Distance);
        var (positives, negatives) = (mined.Positives, mined.Negatives);
        var toNegatives = MaskedSums.LogSumExp(d, negatives, -1) + Margin;
        if (Generalized)
        {
            var values = (MaskedSums.LogSumExp(d, positives) + toNegatives).relu();
            var both = positives.Any * negatives.Any;
            return PairTerms.Of((values * both).sum(), both.sum());
        }
        if (!pairs.InBatch)
            throw new ArgumentException(
                $"{Name}: without Generalized it needs the negatives of both samples of a pair and takes no references; set Generalized.",
                "references"
            );
        // Positives share their class, and so whether they have negatives at all.
        var counted = positives.Numbers * negatives.Any.unsqueeze(1) * negatives.Any;
        var roots = (logaddexp(toNegatives.unsqueeze(1), toNegatives.unsqueeze(0)) + d).relu_();
        return PairTerms.Of((roots.square() * counted).sum() * 0.5, counted.sum());
    }
}
