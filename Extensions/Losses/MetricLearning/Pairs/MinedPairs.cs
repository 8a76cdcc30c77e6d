using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Triplets by their rows: anchors [T] (null: every anchor in turn), positives and negatives [T] among the partners, and a weight 0 or 1 each (null: 1).
/// </summary>
internal sealed record TripletList(Tensor? Anchors, Tensor Positives, Tensor Negatives, Tensor? Weights);

/// <summary>Keeps a triplet where Low &lt; d(a,n) - d(a,p) &lt;= High.</summary>
/// <param name="Distance">d.</param>
/// <param name="Low">Null: none.</param>
/// <param name="High">Inclusive.</param>
internal sealed record GapRule(Distance Distance, double? Low, double High);

/// <summary>
/// The pairs and triplets that a loss uses. Three forms: every triplet (a, p, n) of the kept pairs; those of them whose gap of distances lies in an interval;
/// or a list. Losses on pairs and losses on triplets read the same selection.
/// </summary>
internal sealed class MinedPairs
{
    private readonly MetricPairs pairs;
    private readonly Lazy<(Tensor Positives, Tensor Negatives)> counts;
    private PairMask? positives;
    private PairMask? negatives;

    private MinedPairs(
        MetricPairs pairs,
        PairMask positives,
        PairMask negatives,
        GapRule? gap,
        TripletList? list,
        (Tensor, Tensor)? repeats
    )
    {
        this.pairs = pairs;
        (KeptPositives, KeptNegatives, Gap, List) = (positives, negatives, gap, list);
        counts = new(() => repeats ?? (gap is null && list is null ? (positives.Numbers, negatives.Numbers) : TripletsByPair()));
    }

    /// <summary>Every pair.</summary>
    public static MinedPairs All(MetricPairs pairs) => new(pairs, pairs.Positives, pairs.Negatives, null, null, null);

    /// <summary>The pairs of two masks [N, M], and every triplet of them.</summary>
    public static MinedPairs OfMasks(MetricPairs pairs, Tensor positives, Tensor negatives) =>
        new(pairs, new(positives, pairs.Anchors.dtype), new(negatives, pairs.Anchors.dtype), null, null, null);

    /// <summary>The triplets of all pairs whose gap follows a rule.</summary>
    public static MinedPairs OfGaps(MetricPairs pairs, GapRule gap) => new(pairs, pairs.Positives, pairs.Negatives, gap, null, null);

    /// <summary>Listed triplets.</summary>
    public static MinedPairs OfTriplets(MetricPairs pairs, TripletList list) =>
        new(pairs, pairs.Positives, pairs.Negatives, null, list, null);

    /// <summary>Listed pairs [P, 2], with their repeats.</summary>
    public static MinedPairs OfPairs(MetricPairs pairs, Tensor positives, Tensor negatives)
    {
        var (p, n) = (Count(pairs, positives), Count(pairs, negatives));
        return new(pairs, new(p.gt(0), p.dtype), new(n.gt(0), n.dtype), null, null, (p, n));
    }

    /// <summary>For triplets: the pairs that they may be made of, [N, M].</summary>
    public PairMask KeptPositives { get; }

    /// <summary>For triplets: the pairs that they may be made of, [N, M].</summary>
    public PairMask KeptNegatives { get; }

    /// <summary>Which triplets of the pairs are kept; null: all, or those of the <see cref="List"/>.</summary>
    public GapRule? Gap { get; }

    /// <summary>The triplets, where they are listed.</summary>
    public TripletList? List { get; }

    /// <summary>How often each positive pair is used, [N, M], in the type of the embeddings; a pair of k kept triplets k times.</summary>
    public Tensor PositiveCounts => counts.Value.Positives;

    /// <summary>How often each negative pair is used, [N, M].</summary>
    public Tensor NegativeCounts => counts.Value.Negatives;

    /// <summary>Which positive pairs are used, [N, M].</summary>
    public PairMask Positives =>
        positives ??= Gap is null && List is null ? KeptPositives : new(PositiveCounts.gt(0), PositiveCounts.dtype);

    /// <summary>Which negative pairs are used, [N, M].</summary>
    public PairMask Negatives =>
        negatives ??= Gap is null && List is null ? KeptNegatives : new(NegativeCounts.gt(0), NegativeCounts.dtype);

    /// <summary>Which pairs of either kind are used, [N, M].</summary>
    public PairMask Used => new(Positives.Members.logical_or(Negatives.Members), pairs.Anchors.dtype);

    /// <summary>How many kept triplets hold each positive and each negative pair, [N, M].</summary>
    public (Tensor Positives, Tensor Negatives) TripletsByPair()
    {
        using var frozen = no_grad();
        if (List is { } list)
        {
            var (count, device) = (list.Positives.shape[0], pairs.Anchors.device);
            var anchors = list.Anchors ?? arange(count, dtype: ScalarType.Int64, device: device);
            var weights = list.Weights?.to(pairs.Anchors.dtype) ?? ones(count, dtype: pairs.Anchors.dtype, device: device);
            return (Count(pairs, anchors, list.Positives, weights), Count(pairs, anchors, list.Negatives, weights));
        }
        if (Gap is { } gap)
        {
            var sorted = new SortedNegatives(pairs.Frozen(gap.Distance), KeptNegatives);
            var (from, to) = sorted.Range(gap);
            return (
                ((to - from) * KeptPositives.Members).to(pairs.Anchors.dtype),
                sorted.Coverage(from, to, KeptPositives).to(pairs.Anchors.dtype)
            );
        }
        var (p, n) = (KeptPositives.Numbers, KeptNegatives.Numbers);
        return (p * n.sum([1], keepdim: true), n * p.sum([1], keepdim: true));
    }

    private static Tensor Count(MetricPairs pairs, Tensor list)
    {
        var columns = list.unbind(1);
        return Count(pairs, columns[0], columns[1], ones(list.shape[0], dtype: pairs.Anchors.dtype, device: pairs.Anchors.device));
    }

    private static Tensor Count(MetricPairs pairs, Tensor rows, Tensor columns, Tensor weights)
    {
        var (n, m) = (pairs.Anchors.shape[0], pairs.Partners.shape[0]);
        return zeros(n * m, dtype: pairs.Anchors.dtype, device: pairs.Anchors.device)
            .scatter_add_(0, rows * m + columns, weights)
            .view(n, m);
    }
}
