using MLNetLosses.Data;
using SkiaSharp;

namespace MLNetLosses.UnitTests.Imaging;

internal static class TestImages
{
    /// <summary>An RGB PNG whose pixel (x, y) is <paramref name="pixel"/>(x, y).</summary>
    public static byte[] RgbPng(int width, int height, Func<int, int, (int R, int G, int B)> pixel)
    {
        var rows = new byte[width * height * 3];
        for (int y = 0, at = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var (r, g, b) = pixel(x, y);
            (rows[at++], rows[at++], rows[at++]) = ((byte)r, (byte)g, (byte)b);
        }
        return Png.Write(width, height, Png.Rgb, 8, rows);
    }

    /// <summary>A smooth picture as JPEG.</summary>
    public static byte[] Jpeg(int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
            bitmap.SetPixel(
                x,
                y,
                new SKColor((byte)(255 * x / width), (byte)(255 * y / height), (byte)(127 + 120 * Math.Sin(x * 0.1 + y * 0.05)))
            );
        return bitmap.Encode(SKEncodedImageFormat.Jpeg, 95).ToArray();
    }

    /// <summary>The JPEG with an EXIF block that asks for an orientation.</summary>
    public static byte[] WithOrientation(byte[] jpeg, int orientation)
    {
        byte[] tiff = [.. "Exif\0\0MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];
        var length = tiff.Length + 2;
        return [jpeg[0], jpeg[1], 0xFF, 0xE1, (byte)(length >> 8), (byte)length, .. tiff, .. jpeg.AsSpan(2)];
    }

    /// <summary>16 x 8, left half red, right half green, as a CMYK JPEG with Adobe's inverted inks.</summary>
    public static byte[] CmykJpeg { get; } =
        Convert.FromBase64String(
            "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAQBEMRAE0RAFkRAEsR"
                + "AP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2"
                + "Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5"
                + "+v/aAA4EQwBNAFkASwAAPwD9/K/n/r+f+v38r+AOv7/KKK//2Q=="
        );

    public static byte[] Decode(byte[] encoded, ImagePreprocessing preprocessing)
    {
        var planes = new byte[preprocessing.ImageBytes];
        ImageDecoder.Decode(encoded, preprocessing, planes);
        return planes;
    }

    /// <summary>Red, green and blue of a pixel of planes.</summary>
    public static (int R, int G, int B) At(byte[] planes, ImagePreprocessing preprocessing, int x, int y)
    {
        var (plane, at) = (preprocessing.Width * preprocessing.Height, y * preprocessing.Width + x);
        return (planes[at], planes[plane + at], planes[2 * plane + at]);
    }
}
