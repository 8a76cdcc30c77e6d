namespace MLNetLosses.Losses;

/// <summary>
/// Which pairs or triplets of a batch a loss uses; in JSON a bare name (<c>"BatchHard"</c>) or an object (<c>{"miner": "SemiHard", "margin": 0.3}</c>).
/// A miner sends no gradient. A loss on pairs given triplets takes (a, p) and (a, n) of each, with repeats; a loss on triplets given pairs takes every
/// (a, p, n) that shares its anchor. Below, gap = d(a, n) - d(a, p).
/// </summary>
[DefinitionKind("miner", "Miner")]
public abstract record Miner : Definition
{
    /// <summary>The distance by which it chooses; null (the default): the loss's own.</summary>
    public Distance? Distance { get; init; }

    internal MinedPairs Mine(MetricPairs pairs, Distance lossDistance, LossCall call) => Select(pairs, Distance ?? lossDistance, call);

    internal void CheckFor(Distance lossDistance)
    {
        Validate();
        Distance?.Validate();
        CheckDistance(Distance ?? lossDistance);
    }

    private protected abstract MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call);

    private protected virtual void CheckDistance(Distance distance) { }
}

/// <summary>Every positive and negative pair, every triplet.</summary>
public sealed record AllMiner : Miner
{
    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call) => MinedPairs.All(pairs);
}

/// <summary>Triplets of which gap &lt;= <see cref="Margin"/>.</summary>
public sealed record TripletMarginMiner : Miner
{
    /// <summary>The largest gap. Default 0.2.</summary>
    [Interval("(-inf, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.2;

    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call) =>
        MinedPairs.OfGaps(pairs, new GapRule(distance, null, Margin));
}

/// <summary>Triplets in the right order that are too close: 0 &lt; gap &lt;= <see cref="Margin"/>. Schroff et al. 2015.</summary>
public sealed record SemiHardMiner : Miner
{
    /// <summary>The largest gap. Default 0.2.</summary>
    [Interval("[0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.2;

    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call) =>
        MinedPairs.OfGaps(pairs, new GapRule(distance, 0, Margin));
}

/// <summary>Triplets in the wrong order: gap &lt;= 0.</summary>
public sealed record HardMiner : Miner
{
    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call) =>
        MinedPairs.OfGaps(pairs, new GapRule(distance, null, 0));
}
