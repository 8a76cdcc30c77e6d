using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each anchor 1/Alpha log(1 + sum_pos exp(-Alpha (s - Base))) + 1/Beta log(1 + sum_neg exp(Beta (s - Base))), s the cosine. <c>mean</c> is over all N
/// anchors, one without pairs adds 0; <c>none</c> [N]. Wang et al. 2019, who mine with <see cref="MultiSimilarityMiner"/>; follows
/// pytorch-metric-learning's <c>MultiSimilarityLoss</c>. The authors' code skips anchors without both kinds and positives with s &gt; 1 - 1e-5.
/// </summary>
[LossGuide(
    "1/α ln(1 + Σ⁺ exp(-α(s - λ))) + 1/β ln(1 + Σ⁻ exp(β(s - λ)))",
    Use = "retrieval; a strong default among losses on pairs",
    Avoid = "batches without several samples a class",
    Cost = "one matrix product",
    Paper = "Wang et al. 2019"
)]
public sealed record MultiSimilarityLoss : PairMetricLoss
{
    /// <summary>How strongly the farthest positives dominate. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>How strongly the nearest negatives dominate. Default 50.</summary>
    [Interval("(0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 50;

    /// <summary>The cosine that separates positives from negatives (the paper's lambda). Default 0.5.</summary>
    [Interval("(-inf, inf)")]
    public double Base
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Which pairs are used. Default all.</summary>
    public Miner Miner
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Miner));
    } = new AllMiner();

    private protected override bool ServesMemory => true;

    /// <inheritdoc/>
    protected internal override void Validate() => Miner.CheckFor(MetricPairs.Cosine);

    private protected override MinedPairs Mine(MetricPairs pairs, LossCall call) => Miner.Mine(pairs, MetricPairs.Cosine, call);

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var cosines = pairs.Cosines();
        return new(
            MaskedSums.LogOnePlusSumExp(cosines, mined.Positives, -Alpha, Base) / Alpha
                + MaskedSums.LogOnePlusSumExp(cosines, mined.Negatives, Beta, Base) / Beta
        );
    }
}
