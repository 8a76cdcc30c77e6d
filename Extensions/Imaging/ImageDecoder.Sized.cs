using System.Buffers;
using Microsoft.ML.Data;
using SkiaSharp;

namespace MLNetLosses.Data;

/// <summary>A decoded image of a size of its own.</summary>
/// <param name="SourceWidth">Width of the image as it is seen (EXIF orientation applied), in its own pixels.</param>
/// <param name="SourceHeight">Its height.</param>
/// <param name="Width">Width of what was decoded.</param>
/// <param name="Height">Its height.</param>
/// <param name="Planes">[channels, Height, Width] bytes.</param>
internal sealed record SizedImage(int SourceWidth, int SourceHeight, int Width, int Height, byte[] Planes);

internal static partial class ImageDecoder
{
    /// <summary>Reads a file, closes it, and decodes it to a size that depends on its own.</summary>
    /// <param name="path">The file.</param>
    /// <param name="target">From the width and height of the image as it is seen to how it is decoded.</param>
    /// <exception cref="ImageDecodeException">Missing, unreadable, or not an image.</exception>
    public static SizedImage DecodeFile(string path, Func<int, int, ImagePreprocessing> target)
    {
        byte[]? buffer = null;
        try
        {
            var length = ReadFile(path, ref buffer);
            return Decode(buffer.AsSpan(0, length), target);
        }
        catch (ImageDecodeException e)
        {
            throw e.At(null, path);
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Decodes an encoded image to a size that depends on its own.</summary>
    /// <param name="encoded">The bytes of a file.</param>
    /// <param name="target">From the width and height of the image as it is seen to how it is decoded.</param>
    /// <exception cref="ImageDecodeException">Empty, damaged, too large, or not an image.</exception>
    public static unsafe SizedImage Decode(ReadOnlySpan<byte> encoded, Func<int, int, ImagePreprocessing> target)
    {
        if (encoded.IsEmpty)
            throw new ImageDecodeException("there are no bytes (an empty file?). Replace or remove it.");
        fixed (byte* bytes = encoded)
        {
            using var data = SKData.Create((nint)bytes, encoded.Length);
            using var codec = SKCodec.Create(data) ?? throw Unrecognised(encoded);
            var swapped = ImageOrientation.SwapsAxes(codec.EncodedOrigin);
            var (width, height) = swapped ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
            var preprocessing = target(Math.Max(1, width), Math.Max(1, height));
            CheckSize(width, height, preprocessing, codec.EncodedFormat.ToString().ToUpperInvariant());
            var planes = new byte[preprocessing.ImageBytes];
            Decode(codec, preprocessing, planes);
            return new(width, height, preprocessing.Width, preprocessing.Height, planes);
        }
    }

    /// <summary>Takes the pixels of an image that ML.NET has decoded, in a size that depends on its own.</summary>
    /// <param name="image">The image.</param>
    /// <param name="target">From its width and height to how it is decoded.</param>
    /// <exception cref="ImageDecodeException">Too large, or of a pixel format that is not known.</exception>
    public static SizedImage Decode(MLImage image, Func<int, int, ImagePreprocessing> target)
    {
        ArgumentNullException.ThrowIfNull(image);
        var preprocessing = target(Math.Max(1, image.Width), Math.Max(1, image.Height));
        var planes = new byte[preprocessing.ImageBytes];
        Decode(image, preprocessing, planes);
        return new(image.Width, image.Height, preprocessing.Width, preprocessing.Height, planes);
    }
}
