using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>How a triplet is scored: max(0, z) or softplus(z) with z = d(a,p) - d(a,n) + Margin; Swap takes min(d(a,n), d(p,n)) for d(a,n).</summary>
internal readonly record struct TripletScore(double Margin, bool Soft, bool Swap)
{
    // torch's softplus, as in the reference: linear beyond 20.
    public Tensor Values(Tensor z) => Soft ? nn.functional.softplus(z) : z.relu();

    public Tensor Slopes(Tensor z) => Soft ? z.sigmoid().masked_fill_(z.gt(20), 1) : z.gt(0).to(z.dtype);
}

/// <summary>The sum over triplets, how many cost something and how many there are: three numbers.</summary>
internal readonly record struct TripletSums(Tensor Sum, Tensor Active, Tensor Kept);

/// <summary>
/// Sums over all kept triplets with their gradient, without a tensor of all triplets: hinges by sorted negatives, other scores by blocks of pairs (a, p)
/// against the partners.
/// </summary>
internal static class TripletHinge
{
    private const long BlockElements = 1 << 22;

    public static TripletSums Compute(MetricPairs pairs, MinedPairs mined, Distance distance, TripletScore score) =>
        !score.Soft && !score.Swap && (mined.Gap is null || mined.Gap.Distance == distance)
            ? BySorting(pairs.Dissimilarity(distance), mined, score.Margin)
            : ByBlocks(pairs, mined, distance, score);

    private static TripletSums BySorting(Tensor distances, MinedPairs mined, double margin)
    {
        Tensor sum,
            active,
            kept,
            slopes;
        using (no_grad())
        {
            var d = distances.detach();
            var positives = mined.KeptPositives;
            var sorted = new SortedNegatives(d, mined.KeptNegatives);
            var (from, to) = sorted.Range(mined.Gap);
            var threshold = d + margin;
            var end = minimum(maximum(sorted.Below(threshold, inclusive: false), from), to);
            var number = (end - from).mul_(positives.Members);
            var costs = number.to(ScalarType.Float64).mul_(threshold).sub_(sorted.Sum(from, end).mul_(positives.Members));
            (sum, active, kept) = (costs.sum().to(d.dtype), number.sum(), (to - from).mul_(positives.Members).sum());
            slopes = (number - sorted.Coverage(from, end, positives)).to(d.dtype);
        }
        return new(KnownGradient.AttachSum(sum, distances, slopes), active, kept);
    }

    private static TripletSums ByBlocks(MetricPairs pairs, MinedPairs mined, Distance distance, TripletScore score)
    {
        var distances = pairs.Dissimilarity(distance);
        var ofPartners = score.Swap ? pairs.OfPartners(distance) : null;
        Tensor sum,
            active,
            kept,
            slopes;
        Tensor? partnerSlopes;
        using (no_grad())
        {
            var d = distances.detach();
            var between = ofPartners?.detach();
            var gaps = mined.Gap is null ? null : pairs.Frozen(mined.Gap.Distance);
            sum = tensor(0.0, dtype: ScalarType.Float64, device: d.device);
            active = tensor(0L, device: d.device);
            kept = tensor(0L, device: d.device);
            slopes = zeros_like(d);
            partnerSlopes =
                between is null ? null
                : pairs.InBatch ? slopes
                : zeros_like(between);
            var (rows, columns) = (d.shape[0], d.shape[1]);
            // Waits for the device once: without the list every pair would take its place, N^3 work where N^3 / classes is needed.
            var list = mined.KeptPositives.Members.nonzero();
            var step = Math.Max(1, BlockElements / Math.Max(1, columns));
            for (var start = 0L; start < list.shape[0]; start += step)
            {
                using var scope = NewDisposeScope();
                var block = list.narrow(0, start, Math.Min(step, list.shape[0] - start)).unbind(1);
                var (anchors, positives) = (block[0], block[1]);
                var places = anchors * columns + positives;
                var toNegatives = d.index_select(0, anchors);
                var keep = mined.KeptNegatives.Members.index_select(0, anchors);
                if (gaps is not null)
                {
                    var gap = gaps.index_select(0, anchors) - gaps.reshape(-1).index_select(0, places).unsqueeze(1);
                    keep.logical_and_(gap.le(mined.Gap!.High));
                    if (mined.Gap.Low is { } low)
                        keep.logical_and_(gap.gt(low));
                }
                var fromPositives = between?.index_select(0, positives);
                var nearest = fromPositives is null ? toNegatives : minimum(toNegatives, fromPositives);
                var z = (d.reshape(-1).index_select(0, places).unsqueeze(1) - nearest).add_(score.Margin);
                var values = score.Values(z).mul_(keep);
                sum.add_(values.sum(ScalarType.Float64));
                active.add_(values.gt(0).sum());
                kept.add_(keep.sum());
                var slope = score.Slopes(z).mul_(keep);
                slopes.view(-1).index_add_(0, places, slope.sum([1]), 1);
                if (fromPositives is not null)
                {
                    // min gives each half at a tie.
                    var share = (fromPositives - toNegatives).sign_().add_(1).mul_(0.5);
                    var byPositive = slope * (1 - share);
                    partnerSlopes!.index_add_(0, positives, byPositive, -1);
                    slope.mul_(share);
                }
                slopes.index_add_(0, anchors, slope, -1);
            }
            sum = sum.to(d.dtype);
        }
        var value = KnownGradient.AttachSum(sum, distances, slopes);
        if (ofPartners is not null && !pairs.InBatch)
            value = KnownGradient.AttachSum(value, ofPartners, partnerSlopes);
        return new(value, active, kept);
    }
}
