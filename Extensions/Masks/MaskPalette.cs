using MLNetLosses.Losses;

namespace MLNetLosses.Masks;

/// <summary>The colours that masks are shown in.</summary>
internal static class MaskPalette
{
    /// <summary>What <see cref="SegmentationMask.Ignored"/> is shown as: a light yellow that no class has.</summary>
    public const uint Ignored = 0xE0E0C0;

    /// <summary>
    /// A colour a class: those given, then those of Pascal VOC, whose class 0 is black and whose others come from spreading the bits of the index over the high bits
    /// of red, green and blue.
    /// </summary>
    public static uint[] Of(ValueList<string>? colors)
    {
        var palette = new uint[256];
        for (var index = 0; index < Ignored8; index++)
            palette[index] = colors is not null && index < colors.Count ? MaskColor.Parse(colors[index], 0).Rgb : Spread(index);
        palette[Ignored8] = Ignored;
        return palette;
    }

    private const int Ignored8 = SegmentationMask.Ignored;

    private static uint Spread(int index)
    {
        uint color = 0;
        for (var bit = 7; index != 0; bit--, index >>= 3)
            color |= (uint)((index & 1) << 16 + bit | (index >> 1 & 1) << 8 + bit | (index >> 2 & 1) << bit);
        return color;
    }
}
