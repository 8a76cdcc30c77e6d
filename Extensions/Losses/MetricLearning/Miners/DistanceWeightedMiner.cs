using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// For each anchor and positive one random negative, so that all distances come up alike: its weight is 1/q(d), q(d) = d^(D-2) (1 - d^2/4)^((D-3)/2) the
/// density of distances on the unit sphere, d taken as at least <see cref="Cutoff"/>, none at or beyond <see cref="NonZeroLossCutoff"/>. Euclidean distance
/// of unit vectors only. The draw depends on <see cref="LossContext.Seed"/> and on the step (<see cref="LossClock.Step"/>): the same step draws the same.
/// Wu et al. 2017.
/// </summary>
public sealed record DistanceWeightedMiner : Miner
{
    /// <summary>Smaller distances count as this one. Default 0.5.</summary>
    [Interval("(0, 2)")]
    public double Cutoff
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Farther negatives are not drawn: they would cost nothing. Default 1.4.</summary>
    [Interval("(0, inf)")]
    public double NonZeroLossCutoff
    {
        get;
        init => field = Valid(value);
    } = 1.4;

    private protected override void CheckDistance(Distance distance)
    {
        if (distance is not EuclideanDistance { Normalize: true, Power: 1 })
            throw new ArgumentException(
                $"{Name}: its weights hold for Euclidean distances of unit vectors, not for {distance}; give the miner the distance Euclidean().",
                nameof(Distance)
            );
    }

    private protected override MinedPairs Select(MetricPairs pairs, Distance distance, LossCall call)
    {
        using var frozen = no_grad();
        var distances = pairs.Frozen(distance);
        var size = pairs.Anchors.shape[1];
        var d = distances.clamp(min: Cutoff, max: 2);
        var logWeights = d.log().mul_(2 - size).sub_((1 - d.square() / 4).clamp_(min: 1e-8).log_().mul_((size - 3) / 2.0));
        var drawable = pairs.Negatives.Members.logical_and(distances.lt(NonZeroLossCutoff));
        logWeights.masked_fill_(drawable.logical_not(), double.NegativeInfinity);
        var any = drawable.any(1, keepdim: true);
        var highest = logWeights.amax([1], keepdim: true).masked_fill_(any.logical_not(), 0);
        var cumulative = (logWeights - highest).exp_().cumsum(1, ScalarType.Float64);
        using var generator = new Generator(Seed(call), CPU);
        var draws = rand(distances.shape, dtype: ScalarType.Float64, generator: generator).to(distances.device);
        var total = cumulative.narrow(1, cumulative.shape[1] - 1, 1);
        // (0, total]: the first column whose cumulative weight reaches the draw has a weight of its own.
        var negatives = searchsorted(cumulative, (1 - draws).mul_(total)).clamp_(max: cumulative.shape[1] - 1);
        var kept = pairs.Positives.Members.logical_and(any);
        return MinedPairs.OfTriplets(pairs, kept.device_type == DeviceType.CPU ? Listed(kept, negatives) : Everywhere(kept, negatives));
    }

    /// <summary>The triplets (a, p, negatives[a, p]) of the kept pairs; on a device the list would have to be waited for.</summary>
    internal static TripletList Listed(Tensor kept, Tensor negatives)
    {
        var columns = kept.nonzero().unbind(1);
        return new(columns[0], columns[1], negatives.reshape(-1).index_select(0, columns[0] * kept.shape[1] + columns[1]), null);
    }

    /// <summary>The same as a triplet of every pair, weighed 1 where the pair is kept and else 0.</summary>
    internal static TripletList Everywhere(Tensor kept, Tensor negatives)
    {
        Tensor Range(int axis) => arange(kept.shape[axis], ScalarType.Int64, kept.device);
        return new(
            Range(0).unsqueeze(1).expand(kept.shape).reshape(-1),
            Range(1).unsqueeze(0).expand(kept.shape).reshape(-1),
            negatives.reshape(-1),
            kept.reshape(-1)
        );
    }

    private static ulong Seed(LossCall call)
    {
        var mixed = (ulong)call.Context.Seed * 0x9E3779B97F4A7C15 + (ulong)call.Clock.Step;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        return mixed ^ (mixed >> 31);
    }
}
