using MLNetLosses.Losses;

namespace MLNetLosses.Networks;

/// <summary>Which anchors of a detector learn which object, which learn that there is none, and which learn nothing. Decided by the boxes alone, before the network is asked.</summary>
[DefinitionKind("matching", "Matching")]
public abstract record AnchorMatching : Definition
{
    private protected AnchorMatching() { }

    /// <summary>An anchor that learns that there is nothing.</summary>
    internal const int Background = -1;

    /// <summary>An anchor that learns nothing.</summary>
    internal const int Ignored = -2;

    /// <summary>Tells each anchor the number of its object, or one of the two above.</summary>
    /// <param name="anchors">The anchors.</param>
    /// <param name="boxes">Boxes of at least one object, x0 y0 x1 y1 each.</param>
    /// <param name="matches">One number an anchor; filled.</param>
    internal abstract void Match(AnchorGrid anchors, ReadOnlySpan<float> boxes, Span<int> matches);
}

/// <summary>
/// By intersection over union, as in Faster R-CNN and RetinaNet: an anchor takes the object that it overlaps most, if by <see cref="ForegroundThreshold"/> or more;
/// below <see cref="BackgroundThreshold"/> it is background, between the two it is ignored.
/// </summary>
public sealed record IoUMatching : AnchorMatching
{
    /// <summary>From which overlap on an anchor learns an object: 0 to 1. Default 0.5.</summary>
    [Interval("[0, 1]")]
    public double ForegroundThreshold
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Below which overlap an anchor is background: 0 to 1, at most <see cref="ForegroundThreshold"/>. Default 0.4.</summary>
    [Interval("[0, 1]")]
    public double BackgroundThreshold
    {
        get;
        init => field = Valid(value);
    } = 0.4;

    /// <summary>
    /// Whether the anchors that overlap an object most learn theirs also where the overlap is below <see cref="ForegroundThreshold"/>, so that no object is without
    /// an anchor. Default true.
    /// </summary>
    public bool LowQualityMatches { get; init; } = true;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (BackgroundThreshold > ForegroundThreshold)
            throw new ArgumentException(
                FormattableString.Invariant(
                    $"{Name}: {nameof(BackgroundThreshold)} ({BackgroundThreshold}) must not be above {nameof(ForegroundThreshold)} ({ForegroundThreshold})."
                ),
                nameof(BackgroundThreshold)
            );
    }

    internal override void Match(AnchorGrid anchors, ReadOnlySpan<float> boxes, Span<int> matches)
    {
        var row = new float[anchors.Count];
        var best = new float[anchors.Count];
        var nearest = new int[anchors.Count];
        var highest = new float[boxes.Length / 4];
        for (var i = 0; i < highest.Length; i++)
        {
            AnchorOverlap.Row(anchors, boxes.Slice(4 * i, 4), row);
            highest[i] = AnchorOverlap.Update(row, i, best, nearest);
        }
        var (low, high) = ((float)BackgroundThreshold, (float)ForegroundThreshold);
        for (var a = 0; a < matches.Length; a++)
            matches[a] =
                best[a] >= high ? nearest[a]
                : best[a] >= low ? Ignored
                : Background;
        for (var i = 0; LowQualityMatches && i < highest.Length; i++)
        {
            if (!(highest[i] > 0) || highest[i] >= high)
                continue; // no anchor touches it, or those that overlap it most learn an object already
            AnchorOverlap.Row(anchors, boxes.Slice(4 * i, 4), row);
            for (var a = row.AsSpan().IndexOf(highest[i]); a >= 0; )
            {
                matches[a] = nearest[a];
                var next = row.AsSpan(a + 1).IndexOf(highest[i]);
                a = next < 0 ? -1 : a + 1 + next;
            }
        }
    }
}

/// <summary>
/// ATSS (Zhang et al. 2020): of every level the anchors whose centres are nearest to the object's are candidates; those learn it that overlap it by at least the
/// mean plus one standard deviation of the candidates' overlaps and whose centre lies in it. No thresholds to tune.
/// </summary>
public sealed record AdaptiveMatching : AnchorMatching
{
    /// <summary>How many places of every level are candidates: 1 to 100. Default 9.</summary>
    [Interval("[1, 100]")]
    public int Candidates
    {
        get;
        init => field = Valid(value);
    } = 9;

    internal override void Match(AnchorGrid anchors, ReadOnlySpan<float> boxes, Span<int> matches)
    {
        matches.Fill(Background);
        var best = new float[anchors.Count];
        var places = new (float Distance, int Anchor)[anchors.Count / anchors.PerPlace];
        var overlaps = new List<(float Overlap, int Anchor)>();
        for (var i = 0; i < boxes.Length / 4; i++)
        {
            var box = boxes.Slice(4 * i, 4);
            var (x, y) = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
            overlaps.Clear();
            for (var level = 0; level < anchors.Levels; level++)
            {
                var count = 0;
                for (var a = anchors.LevelStarts[level]; a < anchors.LevelStarts[level + 1]; a += anchors.PerPlace)
                {
                    var (dx, dy) = ((anchors.X0[a] + anchors.X1[a]) / 2 - x, (anchors.Y0[a] + anchors.Y1[a]) / 2 - y);
                    places[count++] = (dx * dx + dy * dy, a);
                }
                foreach (var (_, first) in Nearest(places.AsSpan(0, count)))
                    for (var a = first; a < first + anchors.PerPlace; a++)
                        overlaps.Add((AnchorOverlap.Of(anchors, a, box), a));
            }
            var threshold = Threshold(overlaps);
            foreach (var (overlap, a) in overlaps)
                if (overlap >= threshold && overlap > best[a] && HoldsCentre(anchors, a, box))
                    (best[a], matches[a]) = (overlap, i);
        }
    }

    private Span<(float Distance, int Anchor)> Nearest(Span<(float Distance, int Anchor)> places)
    {
        // A few passes over the smaller part are cheaper than sorting all of them.
        var wanted = Math.Min(Candidates, places.Length);
        for (var i = 0; i < wanted; i++)
        {
            var nearest = i;
            for (var j = i + 1; j < places.Length; j++)
                if (places[j].Distance < places[nearest].Distance)
                    nearest = j;
            (places[i], places[nearest]) = (places[nearest], places[i]);
        }
        return places[..wanted];
    }

    private static double Threshold(List<(float Overlap, int Anchor)> overlaps)
    {
        var mean = overlaps.Average(pair => (double)pair.Overlap);
        var squares = overlaps.Sum(pair => (pair.Overlap - mean) * (pair.Overlap - mean));
        return mean + Math.Sqrt(squares / Math.Max(1, overlaps.Count - 1));
    }

    private static bool HoldsCentre(AnchorGrid anchors, int a, ReadOnlySpan<float> box)
    {
        var (x, y) = ((anchors.X0[a] + anchors.X1[a]) / 2, (anchors.Y0[a] + anchors.Y1[a]) / 2);
        return x > box[0] && x < box[2] && y > box[1] && y < box[3];
    }
}

/// <summary>
/// By places, as in FCOS (Tian et al. 2019): a place learns an object that it lies in, near the object's centre, if the object's largest distance from it is in the
/// range of the level: 4 to 8 anchors' widths (the finest level from 0, the coarsest without end). Of several objects it learns the smallest.
/// </summary>
public sealed record CenterMatching : AnchorMatching
{
    /// <summary>How far from the object's centre a place may lie along each axis, in widths of the anchor: above 0. Default 1.5.</summary>
    [Interval("(0, inf)")]
    public double Radius
    {
        get;
        init => field = Valid(value);
    } = 1.5;

    internal override void Match(AnchorGrid anchors, ReadOnlySpan<float> boxes, Span<int> matches)
    {
        matches.Fill(Background);
        var smallest = new float[anchors.Count];
        smallest.AsSpan().Fill(float.PositiveInfinity);
        for (var i = 0; i < boxes.Length / 4; i++)
        {
            var (x0, y0, x1, y1) = (boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]);
            var (centreX, centreY, area) = ((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) * (y1 - y0));
            for (var level = 0; level < anchors.Levels; level++)
            {
                var (first, last) = (level == 0, level == anchors.Levels - 1);
                for (var a = anchors.LevelStarts[level]; a < anchors.LevelStarts[level + 1]; a++)
                {
                    var (x, y) = ((anchors.X0[a] + anchors.X1[a]) / 2, (anchors.Y0[a] + anchors.Y1[a]) / 2);
                    var width = anchors.X1[a] - anchors.X0[a];
                    if (Math.Max(Math.Abs(x - centreX), Math.Abs(y - centreY)) >= (float)Radius * width)
                        continue;
                    var (left, top, right, bottom) = (x - x0, y - y0, x1 - x, y1 - y);
                    if (!(Math.Min(Math.Min(left, right), Math.Min(top, bottom)) > 0))
                        continue;
                    var reach = Math.Max(Math.Max(left, right), Math.Max(top, bottom));
                    if ((!first && reach <= 4 * width) || (!last && reach >= 8 * width) || area >= smallest[a])
                        continue;
                    (smallest[a], matches[a]) = (area, i);
                }
            }
        }
    }
}

/// <summary>
/// Draws a number of anchors of each image at random, a share of them with objects; the others learn nothing (Ren et al. 2015). Without it all anchors learn, which
/// focal losses are made for.
/// </summary>
[DefinitionKind("sampling", "Sampling")]
public sealed record AnchorSampling : Definition
{
    /// <summary>Anchors an image: 1 or more. Default 256.</summary>
    [Interval("[1, inf)")]
    public int Count
    {
        get;
        init => field = Valid(value);
    } = 256;

    /// <summary>The largest share of anchors with objects: above 0, at most 1; where there are fewer, background fills up. Default 0.5.</summary>
    [Interval("(0, 1]")]
    public double PositiveShare
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    internal void Apply(Span<int> matches, ref Data.RandomStream random)
    {
        var (positive, negative) = (new List<int>(), new List<int>());
        for (var a = 0; a < matches.Length; a++)
            if (matches[a] != AnchorMatching.Ignored)
                (matches[a] >= 0 ? positive : negative).Add(a);
        var kept = Math.Min(positive.Count, (int)(Count * PositiveShare));
        Drop(matches, positive, kept, ref random);
        Drop(matches, negative, Math.Min(negative.Count, Count - kept), ref random);
    }

    // Draws those that stay, then ignores the rest.
    private static void Drop(Span<int> matches, List<int> members, int kept, ref Data.RandomStream random)
    {
        for (var i = 0; i < kept; i++)
        {
            var j = i + random.Below(members.Count - i);
            (members[i], members[j]) = (members[j], members[i]);
        }
        for (var i = kept; i < members.Count; i++)
            matches[members[i]] = AnchorMatching.Ignored;
    }
}
