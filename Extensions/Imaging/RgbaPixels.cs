using Microsoft.ML.Data;

namespace MLNetLosses.Data;

/// <summary>An opaque picture: red, green, blue and 255, row by row.</summary>
internal sealed record RgbaPixels(int Width, int Height, byte[] Values)
{
    public static RgbaPixels Filled(int width, int height, uint color)
    {
        var values = new byte[checked(4 * width * height)];
        for (var i = 0; i < values.Length; i += 4)
            (values[i], values[i + 1], values[i + 2], values[i + 3]) = ((byte)(color >> 16), (byte)(color >> 8), (byte)color, 255);
        return new(width, height, values);
    }

    /// <summary>From [3, height, width] planes, or one that is grey.</summary>
    public static RgbaPixels OfPlanes(int width, int height, ReadOnlySpan<byte> planes)
    {
        var pixels = width * height;
        var next = planes.Length < 3 * pixels ? 0 : pixels;
        var values = new byte[checked(4 * pixels)];
        for (var i = 0; i < pixels; i++)
            (values[4 * i], values[4 * i + 1], values[4 * i + 2], values[4 * i + 3]) = (
                planes[i],
                planes[next + i],
                planes[2 * next + i],
                255
            );
        return new(width, height, values);
    }

    /// <summary>As [3, height, width] planes.</summary>
    public byte[] ToPlanes()
    {
        var pixels = Width * Height;
        var planes = new byte[3 * pixels];
        for (var i = 0; i < pixels; i++)
            (planes[i], planes[pixels + i], planes[2 * pixels + i]) = (Values[4 * i], Values[4 * i + 1], Values[4 * i + 2]);
        return planes;
    }

    /// <summary>
    /// Paints a mask of the same size over the picture. Of class indices all pixels but those whose class the palette leaves out; of layers those that are set,
    /// later layers over earlier ones, layer i in the colour i + 1 since colour 0 is that of no class.
    /// </summary>
    /// <param name="mask">The mask.</param>
    /// <param name="palette">0xRRGGBB of each index; <see cref="uint.MaxValue"/>: not painted.</param>
    /// <param name="opacity">1 covers what was there.</param>
    public void Paint(SegmentationMask mask, uint[] palette, double opacity)
    {
        var share = (int)Math.Round(256 * opacity);
        if (mask.LayerCount == 0)
            for (var i = 0; i < mask.PixelCount; i++)
                Blend(i, palette[mask.Values[i]], share);
        for (var layer = 0; layer < mask.LayerCount; layer++)
        {
            var set = mask.Layer(layer);
            for (var i = 0; i < set.Length; i++)
                if (set[i] == 1)
                    Blend(i, palette[layer + 1], share);
        }
    }

    /// <summary>A copy as ML.NET's image; who takes it disposes it.</summary>
    public MLImage ToImage() => MLImage.CreateFromPixels(Width, Height, MLPixelFormat.Rgba32, Values);

    private void Blend(int pixel, uint color, int share)
    {
        if (color == uint.MaxValue)
            return;
        var at = 4 * pixel;
        for (var shift = 16; shift >= 0; shift -= 8, at++)
            Values[at] += (byte)(((int)(color >> shift & 255) - Values[at]) * share / 256);
    }
}
