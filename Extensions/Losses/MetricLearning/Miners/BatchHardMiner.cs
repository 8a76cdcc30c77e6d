using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>One triplet for each anchor that has both: its farthest positive and its nearest negative, the first on ties. Hermans et al. 2017.</summary>
public sealed record BatchHardMiner : Miner
{
    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call)
    {
        using var frozen = no_grad();
        var d = pairs.Frozen(distance);
        var positives = d.masked_fill(pairs.Positives.logical_not(), double.NegativeInfinity).argmax(1);
        var negatives = d.masked_fill(pairs.Negatives.logical_not(), double.PositiveInfinity).argmin(1);
        var both = pairs.Positives.any(1).logical_and_(pairs.Negatives.any(1));
        var anchors = arange(d.shape[0], dtype: ScalarType.Int64, device: d.device);
        return MinedPairs.OfTriplets(pairs, new TripletList(anchors, positives, negatives, both.to(d.dtype)));
    }
}
