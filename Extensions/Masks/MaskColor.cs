using System.Globalization;

namespace MLNetLosses;

/// <summary>A row of a table of colours: a colour and the class that it stands for. Several colours may stand for one class.</summary>
/// <param name="Red">0 to 255.</param>
/// <param name="Green">0 to 255.</param>
/// <param name="Blue">0 to 255.</param>
/// <param name="Class">The class index; <see cref="SegmentationMask.Ignored"/> for a colour whose pixels do not count.</param>
public readonly record struct MaskColor(byte Red, byte Green, byte Blue, byte Class)
{
    internal uint Rgb => (uint)(Red << 16 | Green << 8 | Blue);

    /// <summary>Reads a colour such as <c>#804080</c>.</summary>
    /// <param name="text">A number sign and six hexadecimal digits.</param>
    /// <param name="classIndex">The class that it stands for.</param>
    /// <exception cref="FormatException">It is no such text.</exception>
    public static MaskColor Parse(string text, byte classIndex)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length == 7 && text[0] == '#' && uint.TryParse(text.AsSpan(1), NumberStyles.AllowHexSpecifier, null, out var rgb)
            ? Of(rgb, classIndex)
            : throw new FormatException($"'{text}' is no colour: write red, green and blue as #804080.");
    }

    internal static MaskColor Of(uint rgb, byte classIndex) => new((byte)(rgb >> 16), (byte)(rgb >> 8), (byte)rgb, classIndex);

    internal static string Text(uint rgb) => $"#{rgb:x6} (red {rgb >> 16}, green {rgb >> 8 & 255}, blue {rgb & 255})";
}
