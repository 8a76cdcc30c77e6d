using MLNetLosses.Data;
using SkiaSharp;

namespace MLNetLosses.Masks;

/// <summary>A picture file that holds a mask: as class indices, or as colours. PNG files give the numbers that stand in them.</summary>
internal sealed class MaskPicture
{
    private const long MaxFileBytes = 1 << 30;
    private readonly PngPixels? png;
    private readonly byte[] rgba = [];

    private MaskPicture(PngPixels png) => (this.png, Width, Height) = (png, png.Width, png.Height);

    private MaskPicture(int width, int height, byte[] rgba) => (Width, Height, this.rgba) = (width, height, rgba);

    public int Width { get; }

    public int Height { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ImageDecodeException">Missing, not a picture, damaged, or of a lossy format.</exception>
    public static MaskPicture Read(string path)
    {
        try
        {
            var length = new FileInfo(path).Length;
            if (length > MaxFileBytes)
                throw new ImageDecodeException($"the file has {length:N0} bytes, more than the {MaxFileBytes:N0} that are read.");
            return Read(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException and not ImageDecodeException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ImageDecodeException($"the file cannot be read ({e.Message}) Check the path and the permissions.", e).At(null, path);
        }
        catch (ImageDecodeException e)
        {
            throw e.At(null, path);
        }
    }

    /// <summary>Reads the bytes of a file.</summary>
    /// <exception cref="ImageDecodeException">Not a picture, damaged, or of a lossy format.</exception>
    public static MaskPicture Read(ReadOnlySpan<byte> file)
    {
        if (PngPixels.IsPng(file))
            return new(PngPixels.Read(file));
        using var data = SKData.CreateCopy(file);
        using var codec =
            SKCodec.Create(data) ?? throw new ImageDecodeException("it is no PNG, BMP, GIF or WebP picture. Write masks as PNG.");
        if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg)
            throw new ImageDecodeException(
                "a mask must not be a JPEG, which changes pixels at the borders of classes. Write masks as PNG."
            );
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null);
        var pixels = new byte[info.BytesSize];
        unsafe
        {
            fixed (byte* target = pixels)
                if (codec.GetPixels(info, (nint)target) is var result and not SKCodecResult.Success)
                    throw new ImageDecodeException($"the {codec.EncodedFormat} is damaged ({result}).");
        }
        return new(info.Width, info.Height, pixels);
    }

    /// <summary>One number a pixel: greyscale, palette index, or red where red, green and blue are equal.</summary>
    /// <exception cref="InvalidDataException">A pixel is coloured or above 255; names it.</exception>
    public byte[] ToIndices(string name)
    {
        if (png is null)
            return FromEqualChannels(rgba, 4, name);
        if (png.LowBytes is null)
            return png.Channels switch
            {
                1 => png.Samples,
                2 => [.. Enumerable.Range(0, Width * Height).Select(i => png.Samples[2 * i])],
                var channels => FromEqualChannels(png.Samples, channels, name),
            };
        var result = new byte[Width * Height];
        for (var i = 0; i < result.Length; i++)
        {
            var value = Deep(png, i, 0);
            if (png.Channels > 2 && (Deep(png, i, 1) != value || Deep(png, i, 2) != value))
                throw NoIndex(name, i, $"({value}, {Deep(png, i, 1)}, {Deep(png, i, 2)})");
            result[i] =
                value <= byte.MaxValue
                    ? (byte)value
                    : throw MaskErrors.At(
                        name,
                        i,
                        Width,
                        $"is {value}, but class indices are at most 255. Are these instance numbers or depths?"
                    );
        }
        return result;
    }

    /// <summary>A sample of 16 bits.</summary>
    private static int Deep(PngPixels png, int pixel, int channel) =>
        png.Samples[pixel * png.Channels + channel] << 8 | png.LowBytes![pixel * png.Channels + channel];

    private InvalidDataException NoIndex(string name, int pixel, string color) =>
        MaskErrors.At(
            name,
            pixel,
            Width,
            $"has the colour {color}, but class indices were expected. For masks of colours use MaskFormat.Colors(...)."
        );

    /// <summary>Which pixels are anything but 0 (black), as 0 and 1.</summary>
    public byte[] ToBinary()
    {
        var (samples, channels, colours) = png is null ? (rgba, 4, 3) : (png.Samples, png.Channels, png.Channels > 2 ? 3 : 1);
        var result = new byte[Width * Height];
        for (var i = 0; i < result.Length; i++)
        for (var c = 0; c < colours; c++)
            if (samples[i * channels + c] != 0 || png?.LowBytes is { } low && low[i * channels + c] != 0)
                result[i] = 1;
        return result;
    }

    /// <summary>The colour of a pixel as 0xRRGGBB, without its opacity.</summary>
    public uint Color(int pixel)
    {
        if (png is null)
            return Rgb(rgba, 4 * pixel);
        if (png.Palette is { } palette)
            return png.Samples[pixel] < palette.Length ? palette[png.Samples[pixel]] : 0;
        if (png.Channels > 2)
            return Rgb(png.Samples, png.Channels * pixel);
        var level = png.Samples[png.Channels * pixel];
        return 0x010101u * (png.LowBytes is null ? (uint)(level * 255 / png.MaxSample) : level);
    }

    private static uint Rgb(byte[] samples, int at) => (uint)(samples[at] << 16 | samples[at + 1] << 8 | samples[at + 2]);

    private byte[] FromEqualChannels(byte[] samples, int channels, string name)
    {
        var result = new byte[Width * Height];
        for (var i = 0; i < result.Length; i++)
        {
            var color = Rgb(samples, i * channels);
            result[i] = color == 0x010101u * (byte)color ? (byte)color : throw NoIndex(name, i, MaskColor.Text(color));
        }
        return result;
    }
}

/// <summary>Messages about masks, which all name the file and the pixel.</summary>
internal static class MaskErrors
{
    public static InvalidDataException At(string name, int pixel, int width, string what) =>
        new($"Mask '{name}': pixel ({pixel % width}, {pixel / width}) {what}");

    public static InvalidDataException Of(string name, string what) => new($"Mask '{name}': {what}");
}
