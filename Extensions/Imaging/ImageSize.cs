using SkiaSharp;

namespace MLNetLosses.Data;

/// <summary>The size of an image file without its pixels.</summary>
internal static class ImageSize
{
    /// <summary>Width and height as seen, with the EXIF orientation that <see cref="ImageDecoder"/> applies; only the header is read.</summary>
    /// <exception cref="ImageDecodeException">The file is missing or not an image.</exception>
    public static (int Width, int Height) OfFile(string path)
    {
        if (!File.Exists(path))
            throw new ImageDecodeException("the file does not exist. Check the path.").At(null, path);
        using var codec =
            SKCodec.Create(path)
            ?? throw new ImageDecodeException("it is no JPEG, PNG, WebP, GIF, BMP or ICO image, or its header is damaged.").At(null, path);
        return Of(codec);
    }

    /// <summary>Of the bytes of a file.</summary>
    /// <exception cref="ImageDecodeException">Not an image.</exception>
    public static (int Width, int Height) OfEncoded(byte[] encoded)
    {
        using var data = SKData.CreateCopy(encoded);
        using var codec =
            SKCodec.Create(data) ?? throw new ImageDecodeException("the bytes are no JPEG, PNG, WebP, GIF, BMP or ICO image.");
        return Of(codec);
    }

    private static (int Width, int Height) Of(SKCodec codec) =>
        ImageOrientation.SwapsAxes(codec.EncodedOrigin) ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
}
