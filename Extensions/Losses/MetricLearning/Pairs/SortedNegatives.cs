using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The negatives of each anchor in ascending distance, so that those below a threshold are a range: their number by a binary search, the sum of their
/// distances by prefix sums. All triplets of a batch in O(N M log M), without a tensor of N^3. Off the graph.
/// </summary>
internal sealed class SortedNegatives
{
    private readonly Tensor distances;
    private readonly Tensor sorted;
    private readonly Tensor order;
    private readonly Tensor count; // of negatives, [N, 1]
    private Tensor? prefix;

    public SortedNegatives(Tensor distances, PairMask negatives)
    {
        this.distances = distances;
        (sorted, order) = (distances - negatives.Penalties).sort(1);
        count = negatives.Members.sum(1, keepdim: true, type: ScalarType.Int64);
    }

    /// <summary>How many negatives of the anchor lie below each threshold [N, K].</summary>
    public Tensor Below(Tensor thresholds, bool inclusive) => searchsorted(sorted, thresholds.contiguous(), right: inclusive);

    /// <summary>The range, in ascending order, of the negatives that make a kept triplet with each positive [N, M].</summary>
    public (Tensor From, Tensor To) Range(GapRule? rule)
    {
        var all = count.expand(distances.shape);
        if (rule is null)
            return (zeros_like(all), all);
        var to = minimum(Below(distances + rule.High, inclusive: true), all);
        return rule.Low is { } low ? (minimum(Below(distances + low, inclusive: true), to), to) : (zeros_like(to), to);
    }

    /// <summary>The sum of the distances in each range [N, M], float64.</summary>
    public Tensor Sum(Tensor from, Tensor to)
    {
        // Ranges end with the last negative; what lies beyond is never summed.
        prefix ??= nn.functional.pad(sorted.cumsum(1, ScalarType.Float64), [1, 0]);
        return prefix.gather(1, to) - prefix.gather(1, from);
    }

    /// <summary>How many of the masked ranges [N, M] hold each negative, in the order of the partners.</summary>
    public Tensor Coverage(Tensor from, Tensor to, PairMask mask)
    {
        var weights = mask.Members.to(ScalarType.Int64);
        var steps = zeros(from.shape[0], from.shape[1] + 1, dtype: ScalarType.Int64, device: from.device);
        steps.scatter_add_(1, from, weights).scatter_add_(1, to, weights.neg());
        return zeros_like(from).scatter_(1, order, steps.cumsum(1).narrow(1, 0, from.shape[1]));
    }
}
