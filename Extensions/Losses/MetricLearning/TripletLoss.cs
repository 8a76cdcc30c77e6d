using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each triplet z = d(a,p) - d(a,n) + Margin: max(0, z), or softplus(z) with <see cref="SoftMargin"/>; <see cref="Swap"/> takes min(d(a,n), d(p,n)) for
/// d(a,n). Result <c>activeFraction</c>: which part of the triplets costs something; watch it, since the mean of the active stays near Margin while they
/// grow fewer. No triplet: 0; all embeddings equal: Margin, gradient 0. <c>mean</c> and <c>sum</c>. Hinges of all triplets, or of a miner that bounds the
/// gap, take O(N^2 log N) time and O(N^2) memory; soft margins, swaps and gaps of another distance list their pairs, which waits for the device. Schroff et al. 2015; swap Balntas et al. 2016; soft margin and batch hard Hermans et al. 2017. Follows
/// pytorch-metric-learning's <c>TripletMarginLoss</c>; torch's own has margin 1 and raw embeddings, FaceNet squared distances and margin 0.2.
/// </summary>
[LossGuide(
    "max(0, d(a,p) - d(a,n) + m)",
    Use = "retrieval and re-identification, with BatchHard or SemiHard mining",
    Avoid = "batches without several samples a class; margins of squared distances with plain ones",
    Cost = "N² log N for all triplets, N² for batch hard",
    Paper = "Schroff et al. 2015"
)]
public sealed record TripletLoss : MinedMetricLoss
{
    /// <summary>By how much a negative shall be farther than a positive, in units of the distance. Default 0.05; Hermans' soft margin has 0.</summary>
    [Interval("(-inf, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.05;

    /// <summary>Compares with the positive's distance to the negative where that is shorter. Default false.</summary>
    public bool Swap { get; init; }

    /// <summary>softplus in place of the hinge: every triplet keeps pulling. Default false.</summary>
    public bool SoftMargin { get; init; }

    /// <summary>Whether the mean is over triplets that cost something; false, and always with SoftMargin: over all. Default true.</summary>
    public bool AverageNonZero { get; init; } = true;

    private protected override bool ServesMemory => !Swap;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var score = new TripletScore(Margin, SoftMargin, Swap);
        var (sum, active, kept) = mined.List is { } list ? Listed(pairs, list, score) : TripletHinge.Compute(pairs, mined, Distance, score);
        var fraction = active.to(sum.dtype) / kept.clamp(min: 1);
        return PairTerms.Of(sum, AverageNonZero && !SoftMargin ? active : kept, details: [("activeFraction", fraction)]);
    }

    private TripletSums Listed(MetricPairs pairs, TripletList list, TripletScore score)
    {
        var toPositives = pairs.Rows(Distance, list.Anchors, list.Positives);
        var toNegatives = pairs.Rows(Distance, list.Anchors, list.Negatives);
        if (Swap)
            toNegatives = minimum(toNegatives, pairs.RowsOfPartners(Distance, list.Positives, list.Negatives));
        var values = score.Values(toPositives - toNegatives + Margin);
        var weights = list.Weights ?? ones_like(values);
        values = values * weights;
        return new(values.sum(), values.detach().gt(0).sum(), weights.sum());
    }
}
