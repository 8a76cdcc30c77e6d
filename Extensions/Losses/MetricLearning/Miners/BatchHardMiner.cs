using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>One triplet for each anchor that has both: its farthest positive and its nearest negative, the first on ties. Hermans et al. 2017.</summary>
public sealed record BatchHardMiner : Miner
{
    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call)
    {
        using var frozen = no_grad();
        var d = pairs.Frozen(distance);
        var positives = (d + pairs.Positives.Penalties).argmax(1);
        var negatives = (d - pairs.Negatives.Penalties).argmin(1);
        return MinedPairs.OfTriplets(pairs, new TripletList(null, positives, negatives, pairs.Positives.Any * pairs.Negatives.Any));
    }
}
