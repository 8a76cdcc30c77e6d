using System.Runtime.InteropServices;

namespace MLNetLosses.Data;

/// <summary>Draws boxes and labels on pictures; what lies beyond the border is cut. Colours are 0xRRGGBB.</summary>
internal static class PixelDrawing
{
    /// <summary>Fills [x0, x1) x [y0, y1).</summary>
    public static void Fill(this RgbaPixels picture, int x0, int y0, int x1, int y1, uint color)
    {
        (x0, x1) = (Math.Clamp(x0, 0, picture.Width), Math.Clamp(x1, 0, picture.Width));
        var value = BitConverter.ToUInt32([(byte)(color >> 16), (byte)(color >> 8), (byte)color, 255]);
        var pixels = MemoryMarshal.Cast<byte, uint>(picture.Values.AsSpan());
        for (var y = Math.Max(0, y0); y < Math.Min(picture.Height, y1) && x1 > x0; y++)
            pixels.Slice(y * picture.Width + x0, x1 - x0).Fill(value);
    }

    /// <summary>Draws the edge of a box, centred on its border.</summary>
    public static void Frame(this RgbaPixels picture, double x0, double y0, double x1, double y1, int thickness, uint color)
    {
        var outside = thickness / 2;
        var (left, top) = (Pixel(x0) - outside, Pixel(y0) - outside);
        var (right, bottom) = (Pixel(x1) + outside, Pixel(y1) + outside);
        picture.Fill(left, top, right, top + thickness, color);
        picture.Fill(left, bottom - thickness, right, bottom, color);
        picture.Fill(left, top, left + thickness, bottom, color);
        picture.Fill(right - thickness, top, right, bottom, color);
    }

    /// <summary>Writes text on a ground of a colour, its lower left corner at a point, moved into the picture.</summary>
    public static void Label(this RgbaPixels picture, string text, double x, double y, int scale, uint ground)
    {
        var (width, height) = ((DotFont.Advance * text.Length + 1) * scale, (DotFont.Height + 2) * scale);
        var left = Math.Clamp(Pixel(x), 0, Math.Max(0, picture.Width - width));
        var top = Math.Clamp(Pixel(y) - height, 0, Math.Max(0, picture.Height - height));
        picture.Fill(left, top, left + width, top + height, ground);
        var ink = IsLight(ground) ? 0u : 0xFFFFFF;
        for (var i = 0; i < text.Length; i++)
        for (var row = 0; row < DotFont.Height; row++)
        for (var column = 0; column < DotFont.Advance; column++)
        {
            if (!DotFont.HasDot(text[i], column, row))
                continue;
            var (dotX, dotY) = (left + (1 + DotFont.Advance * i + column) * scale, top + (1 + row) * scale);
            picture.Fill(dotX, dotY, dotX + scale, dotY + scale, ink);
        }
    }

    /// <summary>A bright colour of a name: the same in every process.</summary>
    public static uint ColorOf(string name)
    {
        var hash = 2166136261u;
        foreach (var letter in name)
            hash = (hash ^ letter) * 16777619;
        var hue = (hash ^ hash >> 15) % 24 / 24.0;
        return Channel(0) << 16 | Channel(2 / 3.0) << 8 | Channel(1 / 3.0);

        uint Channel(double shift) => (uint)(40 + 215 * Math.Clamp(Math.Abs((hue + shift) % 1 - 0.5) * 6 - 1, 0, 1));
    }

    private static bool IsLight(uint color) => 0.299 * (color >> 16) + 0.587 * (color >> 8 & 255) + 0.114 * (color & 255) > 140;

    private static int Pixel(double edge) => (int)Math.Round(Math.Clamp(edge, -1e6, 1e6));
}
