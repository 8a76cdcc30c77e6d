using System.Runtime.CompilerServices;

namespace MLNetLosses.Data;

/// <summary>The geometry of an augmentation for masks: every pixel takes the value of one pixel, so that class indices stay class indices.</summary>
internal static class MaskGeometry
{
    /// <summary>
    /// Writes layers [L, Height, Width] from [L, SourceHeight, SourceWidth]: rows are copied for crops, flips and whole shifts, else the nearest pixel is
    /// taken; <paramref name="fill"/> stands outside.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Move(GeometricTransform t, ReadOnlySpan<byte> source, Span<byte> target, byte fill)
    {
        if (t.IsExact)
        {
            ExactGeometry.Copy(t, source, target, fill);
            return;
        }
        var (from, to) = (t.SourceWidth * t.SourceHeight, t.Width * t.Height);
        var layers = source.Length / from;
        for (var y = 0; y < t.Height; y++)
        {
            var (column, row) = (t.XX * 0.5 + t.XY * (y + 0.5) + t.X0, t.YX * 0.5 + t.YY * (y + 0.5) + t.Y0);
            for (var x = 0; x < t.Width; x++, column += t.XX, row += t.YX)
            {
                var (i, j) = ((int)Math.Floor(column), (int)Math.Floor(row));
                var outside = (uint)i >= (uint)t.SourceWidth || (uint)j >= (uint)t.SourceHeight;
                var (at, pixel) = (y * t.Width + x, j * t.SourceWidth + i);
                for (var layer = 0; layer < layers; layer++)
                    target[layer * to + at] = outside ? fill : source[layer * from + pixel];
            }
        }
    }

    /// <summary>Whether the transform shows the whole image, at most mirrored.</summary>
    public static bool IsFlip(GeometricTransform t) =>
        t.IsExact
        && t.Width == t.SourceWidth
        && t.Height == t.SourceHeight
        && t.X0 == (t.XX > 0 ? 0 : t.Width)
        && t.Y0 == (t.YY > 0 ? 0 : t.Height);
}
