using MLNetLosses.Masks;

namespace MLNetLosses;

/// <summary>
/// Compares masks image by image and keeps sums only, so that memory does not grow with the number of images: one matrix of class indices, or three counts a
/// layer where classes overlap.
/// </summary>
/// <param name="classNames">The classes; null: as many as occur.</param>
/// <param name="ignoreIndex">Pixels with this target are left out, besides <see cref="SegmentationMask.Ignored"/>.</param>
/// <param name="tolerance">The distance up to which edges count as the same; null: borders are not looked at.</param>
/// <param name="spacing">The size of a pixel, in the unit of the tolerance.</param>
internal sealed class SegmentationEvaluator(
    IReadOnlyList<string>? classNames,
    int? ignoreIndex,
    double? tolerance,
    (double Row, double Column) spacing
)
{
    private const int AnyIndex = 256;
    private readonly long[] counts = new long[AnyIndex * AnyIndex];
    private (long Hits, long InTargets, long InPredictions)[]? layers;
    private SurfaceMetrics.Sums[] surfaces = new SurfaceMetrics.Sums[AnyIndex];
    private long pixels;
    private long decisions;
    private bool any;

    /// <summary>Counts an image.</summary>
    /// <exception cref="ArgumentException">Size or kind of the masks differ, or an index is no class. Nothing is counted then.</exception>
    public void Add(SegmentationMask prediction, SegmentationMask target)
    {
        if (prediction.Width != target.Width || prediction.Height != target.Height)
            throw new ArgumentException(
                $"The predicted mask has {prediction.Width} x {prediction.Height} pixels, the true mask {target.Width} x {target.Height}."
            );
        if (prediction.LayerCount != target.LayerCount)
            throw new ArgumentException($"The predicted mask holds {prediction}, the true mask {target}: both must be alike.");
        if (any && (layers?.Length ?? 0) != target.LayerCount)
            throw new ArgumentException(
                $"The true mask holds {target}; the rows before had {(layers is null ? "class indices" : $"{layers.Length} layers")}."
            );
        if (target.LayerCount == 0)
            AddIndices(prediction, target);
        else
            AddLayers(prediction, target);
        any = true;
    }

    /// <summary>The figures of what is counted so far.</summary>
    public SegmentationMetrics Metrics()
    {
        if (layers is not null)
            return new(layers, decisions, pixels, Names(layers.Length), Surfaces(layers.Length));
        var classes = classNames?.Count ?? Enumerable.Range(0, AnyIndex).LastOrDefault(Occurs) + 1;
        classes = Math.Max(classes, 2);
        var confusion = new SegmentationConfusion(classes, ignoreIndex ?? SegmentationMask.Ignored);
        confusion.Add(counts, AnyIndex);
        return new(confusion, Names(classes), Surfaces(classes));
    }

    private bool Occurs(int index)
    {
        for (var other = 0; other < AnyIndex; other++)
            if (counts[index * AnyIndex + other] != 0 || counts[other * AnyIndex + index] != 0)
                return true;
        return false;
    }

    private IReadOnlyList<string>? Names(int count) => classNames?.Count == count ? classNames : null;

    private SurfaceMetrics? Surfaces(int classes) => tolerance is { } t ? new(t, surfaces[..classes]) : null;

    private void AddIndices(SegmentationMask prediction, SegmentationMask target)
    {
        var p = prediction.Values;
        var t = target.Values;
        var limit = classNames?.Count ?? SegmentationMask.Ignored;
        for (var i = 0; i < t.Length; i++)
        {
            if (IsIgnored(t[i]))
                continue;
            if (t[i] >= limit)
                throw NoClass("true", t[i], i, target.Width, limit);
            if (p[i] >= limit)
                throw NoClass("predicted", p[i], i, target.Width, limit);
        }
        Span<bool> occurs = stackalloc bool[AnyIndex];
        for (var i = 0; i < t.Length; i++)
        {
            if (IsIgnored(t[i]))
                continue;
            counts[t[i] * AnyIndex + p[i]]++;
            (occurs[t[i]], occurs[p[i]]) = (true, true);
        }
        if (tolerance is null)
            return;
        var (mine, wanted) = (new byte[t.Length], new byte[t.Length]);
        for (var c = 0; c < AnyIndex; c++)
        {
            if (!occurs[c])
                continue;
            for (var i = 0; i < t.Length; i++)
            {
                var counted = !IsIgnored(t[i]);
                mine[i] = counted && p[i] == c ? (byte)1 : (byte)0;
                wanted[i] = counted && t[i] == c ? (byte)1 : (byte)0;
            }
            surfaces[c].Add(SurfaceDistances.Between(mine, wanted, target.Width, tolerance.Value, spacing));
        }
    }

    private void AddLayers(SegmentationMask prediction, SegmentationMask target)
    {
        if (classNames is not null && classNames.Count != target.LayerCount)
            throw new ArgumentException($"The masks have {target.LayerCount} layers, but {classNames.Count} classes are named.");
        layers ??= new (long, long, long)[target.LayerCount];
        var seen = new bool[target.PixelCount];
        for (var layer = 0; layer < layers.Length; layer++)
        {
            var p = prediction.Layer(layer);
            var t = target.Layer(layer);
            var (mine, wanted) = (new byte[t.Length], new byte[t.Length]);
            long hits = 0;
            for (var i = 0; i < t.Length; i++)
            {
                if (t[i] == SegmentationMask.Ignored)
                    continue;
                (mine[i], wanted[i]) = (p[i] == 1 ? (byte)1 : (byte)0, t[i]);
                hits += mine[i] & wanted[i];
                decisions++;
                seen[i] = true;
            }
            ref var sums = ref layers[layer];
            sums = (sums.Hits + hits, sums.InTargets + wanted.Count((byte)1), sums.InPredictions + mine.Count((byte)1));
            if (tolerance is not null)
                surfaces[layer].Add(SurfaceDistances.Between(mine, wanted, target.Width, tolerance.Value, spacing));
        }
        pixels += seen.Count(true);
    }

    private bool IsIgnored(byte index) => index == SegmentationMask.Ignored || index == ignoreIndex;

    private static ArgumentException NoClass(string which, int index, int pixel, int width, int classes) =>
        new(
            $"Pixel ({pixel % width}, {pixel / width}) of the {which} mask is {index}; classes are 0 to {classes - 1}. Name an ignoreIndex if such pixels shall not count."
        );
}
