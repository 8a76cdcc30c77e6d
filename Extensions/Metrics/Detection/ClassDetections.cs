using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>The targets and detections of one class, matched image by image.</summary>
internal sealed class ClassDetections
{
    private readonly List<Detection> detections = [];
    private readonly long[] targets = new long[CocoRules.AreaCount];

    /// <summary>A detection: for each area and threshold one bit that says whether it found a target, and one whether it does not count.</summary>
    /// <param name="Score">How sure it is.</param>
    /// <param name="Rank">How many of its image and class are better.</param>
    /// <param name="Found">Bits.</param>
    /// <param name="Ignored">Bits.</param>
    public readonly record struct Detection(double Score, int Rank, ulong Found, ulong Ignored)
    {
        public bool Finds(int area, int threshold) => (Found & ~Ignored & Bit(area, threshold)) != 0;

        public bool Counts(int area, int threshold) => (Ignored & Bit(area, threshold)) == 0;
    }

    /// <summary>The targets whose area is of a kind, without crowds.</summary>
    public long TargetCount(int area) => targets[area];

    public int DetectionCount => detections.Count;

    /// <summary>All detections by descending score; of equal ones the earlier image and the earlier detection first.</summary>
    public Detection[] Sorted()
    {
        var keys = new double[detections.Count];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = detections[i].Score;
        return Array.ConvertAll(NonMaximumSuppression.ByScore<double>(keys), index => detections[index]);
    }

    /// <summary>Adds one image.</summary>
    /// <param name="boxes">Boxes of the targets of this class.</param>
    /// <param name="areas">Their areas.</param>
    /// <param name="crowds">Whether they are crowds.</param>
    /// <param name="found">Boxes of the detections of this class.</param>
    /// <param name="scores">Their scores.</param>
    public void Add(
        ReadOnlySpan<double> boxes,
        ReadOnlySpan<double> areas,
        ReadOnlySpan<bool> crowds,
        ReadOnlySpan<double> found,
        ReadOnlySpan<double> scores
    )
    {
        for (var kind = 0; kind < CocoRules.AreaCount; kind++)
        for (var t = 0; t < areas.Length; t++)
            if (!crowds[t] && !CocoRules.IsOutside(kind, areas[t]))
                targets[kind]++;
        var order = NonMaximumSuppression.ByScore(scores).AsSpan();
        order = order[..Math.Min(order.Length, CocoRules.MaxDetections)];
        var overlaps = Overlaps(boxes, crowds, found, order);
        var (hits, ignored) = (new ulong[order.Length], new ulong[order.Length]);
        for (var kind = 0; kind < CocoRules.AreaCount; kind++)
            Match(kind, overlaps, areas, crowds, found, order, hits, ignored);
        for (var rank = 0; rank < order.Length; rank++)
            detections.Add(new(scores[order[rank]], rank, hits[rank], ignored[rank]));
    }

    private static ulong Bit(int area, int threshold) => 1UL << (area * CocoRules.ThresholdCount + threshold);

    private static double[] Overlaps(
        ReadOnlySpan<double> boxes,
        ReadOnlySpan<bool> crowds,
        ReadOnlySpan<double> found,
        ReadOnlySpan<int> order
    )
    {
        var overlaps = new double[order.Length * crowds.Length];
        for (var d = 0; d < order.Length; d++)
        {
            var box = found.Slice(4 * order[d], 4);
            var area = BoxSpans.Area(box);
            for (var t = 0; t < crowds.Length; t++)
            {
                var target = boxes.Slice(4 * t, 4);
                var shared = BoxSpans.Intersection(box, target);
                overlaps[d * crowds.Length + t] = BoxSpans.Ratio(shared, crowds[t] ? area : area + BoxSpans.Area(target) - shared);
            }
        }
        return overlaps;
    }

    /// <summary>Gives detections, best first, the free targets that they overlap most; those that count come before those that do not.</summary>
    private static void Match(
        int kind,
        ReadOnlySpan<double> overlaps,
        ReadOnlySpan<double> areas,
        ReadOnlySpan<bool> crowds,
        ReadOnlySpan<double> found,
        ReadOnlySpan<int> order,
        Span<ulong> hits,
        Span<ulong> ignored
    )
    {
        var skipped = new bool[areas.Length];
        for (var t = 0; t < areas.Length; t++)
            skipped[t] = crowds[t] || CocoRules.IsOutside(kind, areas[t]);
        for (var threshold = 0; threshold < CocoRules.ThresholdCount; threshold++)
        {
            var bit = Bit(kind, threshold);
            var taken = new bool[areas.Length];
            for (var d = 0; d < order.Length; d++)
            {
                var row = overlaps.Slice(d * areas.Length, areas.Length);
                var least = Math.Min(CocoRules.Threshold(threshold), 1 - 1e-10);
                var best = Best(row, skipped, taken, crowds, wanted: false, least);
                if (best < 0)
                    best = Best(row, skipped, taken, crowds, wanted: true, least);
                if (best < 0)
                {
                    if (CocoRules.IsOutside(kind, BoxSpans.Area(found.Slice(4 * order[d], 4))))
                        ignored[d] |= bit;
                    continue;
                }
                taken[best] = true;
                hits[d] |= bit;
                if (skipped[best])
                    ignored[d] |= bit;
            }
        }
    }

    /// <summary>The last of the targets of highest overlap, or -1.</summary>
    private static int Best(
        ReadOnlySpan<double> overlaps,
        ReadOnlySpan<bool> skipped,
        ReadOnlySpan<bool> taken,
        ReadOnlySpan<bool> crowds,
        bool wanted,
        double least
    )
    {
        var best = -1;
        for (var t = 0; t < overlaps.Length; t++)
        {
            if (skipped[t] != wanted || (taken[t] && !crowds[t]) || overlaps[t] < least)
                continue;
            (best, least) = (t, overlaps[t]);
        }
        return best;
    }
}
