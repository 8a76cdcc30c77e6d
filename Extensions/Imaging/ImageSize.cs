namespace MLNetLosses.Data;

/// <summary>The size of an image file without its pixels.</summary>
internal static class ImageSize
{
    /// <summary>Width and height as seen, with the EXIF orientation that <see cref="ImageDecoder"/> applies; only the header is read.</summary>
    /// <exception cref="ImageDecodeException">The file is missing or not an image.</exception>
    public static (int Width, int Height) OfFile(string path) =>
        !File.Exists(path) ? throw new ImageDecodeException("the file does not exist. Check the path.").At(null, path)
        : ImageHeader.Read(path) is { } header ? header.UprightSize
        : throw new ImageDecodeException("it is no JPEG, PNG, WebP, GIF, BMP or ICO image, or its header is damaged.").At(null, path);

    /// <summary>Of the bytes of a file.</summary>
    /// <exception cref="ImageDecodeException">Not an image.</exception>
    public static (int Width, int Height) OfEncoded(byte[] encoded) =>
        ImageHeader.Of(encoded) is { } header
            ? header.UprightSize
            : throw new ImageDecodeException("the bytes are no JPEG, PNG, WebP, GIF, BMP or ICO image.");
}
