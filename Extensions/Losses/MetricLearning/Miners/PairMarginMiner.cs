namespace MLNetLosses.Losses;

/// <summary>
/// Positives farther than <see cref="PositiveMargin"/> and negatives nearer than <see cref="NegativeMargin"/>; of a similarity s: s &lt; PositiveMargin,
/// s &gt; NegativeMargin.
/// </summary>
public sealed record PairMarginMiner : Miner
{
    /// <summary>Positives beyond it are kept. Default 0.2.</summary>
    [Interval("(-inf, inf)")]
    public double PositiveMargin
    {
        get;
        init => field = Valid(value);
    } = 0.2;

    /// <summary>Negatives within it are kept. Default 0.8.</summary>
    [Interval("(-inf, inf)")]
    public double NegativeMargin
    {
        get;
        init => field = Valid(value);
    } = 0.8;

    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call)
    {
        var d = pairs.Frozen(distance);
        return MinedPairs.OfMasks(
            pairs,
            d.gt(distance.Threshold(PositiveMargin)).logical_and_(pairs.Positives.Members),
            d.lt(distance.Threshold(NegativeMargin)).logical_and_(pairs.Negatives.Members)
        );
    }
}
