using MLNetLosses.Losses;

namespace MLNetLosses.Masks;

/// <summary>A connected region of one class.</summary>
/// <param name="Class">The class index or layer.</param>
/// <param name="Area">Pixels.</param>
/// <param name="Left">The first column.</param>
/// <param name="Top">The first row.</param>
/// <param name="Right">Behind the last column.</param>
/// <param name="Bottom">Behind the last row.</param>
internal sealed record MaskRegion(int Class, int Area, int Left, int Top, int Right, int Bottom)
{
    /// <summary>
    /// The regions of a mask, the largest first. Pixels that touch at a corner are connected; those of the background (of class indices) and of
    /// <see cref="SegmentationMask.Ignored"/> make no regions.
    /// </summary>
    public static IReadOnlyList<MaskRegion> Find(SegmentationMask mask, int? background, int minimumArea)
    {
        var regions = new List<MaskRegion>();
        var classes = new long[mask.PixelCount];
        for (var layer = 0; layer < Math.Max(1, mask.LayerCount); layer++)
        {
            var values = mask.LayerCount == 0 ? mask.Values : mask.Layer(layer);
            // The labelling takes 0 for background, so that classes are counted from 1.
            for (var i = 0; i < classes.Length; i++)
                classes[i] =
                    values[i] == SegmentationMask.Ignored ? 0
                    : mask.LayerCount > 0 ? values[i] * (layer + 1)
                    : values[i] == background ? 0
                    : values[i] + 1;
            var (labels, count) = ConnectedComponents.Label(classes, [mask.Height, mask.Width], ignored: -1);
            regions.AddRange(Measure(labels, count, classes, mask.Width).Where(region => region.Area >= minimumArea));
        }
        return [.. regions.OrderByDescending(region => region.Area)];
    }

    private static IEnumerable<MaskRegion> Measure(int[] labels, int count, long[] classes, int width)
    {
        var found = new (int Class, int Area, int Left, int Top, int Right, int Bottom)[count];
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] == 0)
                continue;
            ref var region = ref found[labels[i] - 1];
            var (y, x) = Math.DivRem(i, width);
            if (region.Area++ == 0)
                (region.Class, region.Left, region.Top) = ((int)classes[i] - 1, x, y);
            region.Left = Math.Min(region.Left, x);
            region.Right = Math.Max(region.Right, x + 1);
            region.Bottom = y + 1;
        }
        return found.Select(r => new MaskRegion(r.Class, r.Area, r.Left, r.Top, r.Right, r.Bottom));
    }
}
