using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// For anchors with both kinds: positives with d + <see cref="Epsilon"/> beyond the nearest negative, and negatives with d - Epsilon within the farthest
/// positive. Wang et al. 2019.
/// </summary>
public sealed record MultiSimilarityMiner : Miner
{
    /// <summary>The slack, in units of the distance. Default 0.1.</summary>
    [Interval("(-inf, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call)
    {
        using var frozen = no_grad();
        var d = pairs.Frozen(distance);
        // An anchor without one kind compares with a bound that no pair passes.
        var nearest = (d - pairs.Negatives.Penalties).amin([1], keepdim: true);
        var farthest = (d + pairs.Positives.Penalties).amax([1], keepdim: true);
        return MinedPairs.OfMasks(
            pairs,
            (d + Epsilon).gt(nearest).logical_and_(pairs.Positives.Members),
            (d - Epsilon).lt(farthest).logical_and_(pairs.Negatives.Members)
        );
    }
}
