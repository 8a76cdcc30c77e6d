using SkiaSharp;

namespace MLNetLosses.Data;

/// <summary>Turns pixels to the way up that a file's EXIF orientation asks for.</summary>
internal static class ImageOrientation
{
    /// <summary>True when width and height change places.</summary>
    public static bool SwapsAxes(SKEncodedOrigin origin) => origin >= SKEncodedOrigin.LeftTop;

    /// <summary>Writes the upright image; <paramref name="width"/> and <paramref name="height"/> are those of <paramref name="source"/>.</summary>
    public static void Apply(ReadOnlySpan<uint> source, int width, int height, SKEncodedOrigin origin, Span<uint> target)
    {
        // The stored pixel (x, y) of the upright pixel (u, v) is linear in u and v: walk the target, stepping through the source.
        var last = width * height - 1;
        var (start, stepU, stepV) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => (last, -1, -width),
            SKEncodedOrigin.BottomLeft => (last - width + 1, 1, -width),
            SKEncodedOrigin.LeftTop => (0, width, 1),
            SKEncodedOrigin.RightTop => (last - width + 1, -width, 1),
            SKEncodedOrigin.RightBottom => (last, -width, -1),
            SKEncodedOrigin.LeftBottom => (width - 1, width, -1),
            _ => (0, 1, width),
        };
        var (columns, rows) = SwapsAxes(origin) ? (height, width) : (width, height);
        for (var v = 0; v < rows; v++)
        {
            var at = start + v * stepV;
            foreach (ref var pixel in target.Slice(v * columns, columns))
            {
                pixel = source[at];
                at += stepU;
            }
        }
    }
}
