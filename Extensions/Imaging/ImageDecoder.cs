using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Data;
using MLNetLosses.Interop;
using SkiaSharp;

namespace MLNetLosses.Data;

/// <summary>
/// Decodes JPEG, PNG, WebP, GIF (first frame), BMP and ICO files, and ML.NET's images, to 8-bit planes [channels, height, width] of the size that a
/// network reads. The header is read first: what is too large is refused before memory is set aside for it. Calls on several threads are independent.
/// </summary>
internal static partial class ImageDecoder
{
    private const int MaxFileBytes = 1 << 30;

    /// <summary>Reads a file, closes it, and decodes it.</summary>
    /// <exception cref="ImageDecodeException">Missing, unreadable, or not an image.</exception>
    public static void DecodeFile(string path, ImagePreprocessing preprocessing, Span<byte> planes)
    {
        byte[]? buffer = null;
        try
        {
            var length = ReadFile(path, ref buffer);
            Decode(buffer.AsSpan(0, length), preprocessing, planes);
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

    /// <summary>Decodes an encoded image.</summary>
    /// <exception cref="ImageDecodeException">Empty, damaged, too large, or not an image.</exception>
    public static unsafe void Decode(ReadOnlySpan<byte> encoded, ImagePreprocessing preprocessing, Span<byte> planes)
    {
        if (encoded.IsEmpty)
            throw new ImageDecodeException("there are no bytes (an empty file?). Replace or remove it.");
        fixed (byte* bytes = encoded)
        {
            using var data = SKData.Create((nint)bytes, encoded.Length);
            using var codec = SKCodec.Create(data) ?? throw Unrecognised(encoded);
            CheckSize(codec.Info.Width, codec.Info.Height, preprocessing, codec.EncodedFormat.ToString().ToUpperInvariant());
            Decode(codec, preprocessing, planes);
        }
    }

    /// <summary>Takes the pixels of an image that ML.NET has decoded.</summary>
    /// <exception cref="ImageDecodeException">Too large, or of a pixel format that is not known.</exception>
    public static void Decode(MLImage image, ImagePreprocessing preprocessing, Span<byte> planes)
    {
        ArgumentNullException.ThrowIfNull(image);
        CheckSize(image.Width, image.Height, preprocessing, "MLImage");
        var redFirst = image.PixelFormat switch
        {
            MLPixelFormat.Rgba32 => true,
            MLPixelFormat.Bgra32 => false,
            var other => throw new ImageDecodeException(
                $"the MLImage has the pixel format {other}; Rgba32 or Bgra32 is needed. Make it with MLImage.CreateFromPixels or CreateFromFile."
            ),
        };
        var format = new PixelFormat32(image.Width, image.Height, redFirst, Opaque: false);
        PixelResampler.Resample(MLImages.PixelsOf(image), format, preprocessing, planes);
    }

    private static unsafe void Decode(SKCodec codec, ImagePreprocessing preprocessing, Span<byte> planes)
    {
        var origin = codec.EncodedOrigin;
        var size = DecodedSize(codec, preprocessing, ImageOrientation.SwapsAxes(origin));
        var opaque = codec.Info.AlphaType == SKAlphaType.Opaque;
        var info = new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, opaque ? SKAlphaType.Opaque : SKAlphaType.Premul, null);
        var upright = origin is SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default;
        var pixels = ArrayPool<byte>.Shared.Rent(info.BytesSize);
        var turned = upright ? null : ArrayPool<byte>.Shared.Rent(info.BytesSize);
        try
        {
            fixed (byte* target = pixels)
                Check(codec.GetPixels(info, (nint)target), codec);
            var format = new PixelFormat32(size.Width, size.Height, RedFirst: true, opaque);
            if (turned is not null)
            {
                var stored = MemoryMarshal.Cast<byte, uint>(pixels.AsSpan());
                ImageOrientation.Apply(stored, size.Width, size.Height, origin, MemoryMarshal.Cast<byte, uint>(turned.AsSpan()));
                if (ImageOrientation.SwapsAxes(origin))
                    format = format with { Width = size.Height, Height = size.Width };
            }
            PixelResampler.Resample((turned ?? pixels).AsSpan(0, info.BytesSize), format, preprocessing, planes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(pixels);
            if (turned is not null)
                ArrayPool<byte>.Shared.Return(turned);
        }
    }

    /// <summary>The full size, or for a JPEG a half, a quarter or an eighth where at least twice the target remains.</summary>
    private static SKSizeI DecodedSize(SKCodec codec, ImagePreprocessing preprocessing, bool swapped)
    {
        var full = new SKSizeI(codec.Info.Width, codec.Info.Height);
        if (!preprocessing.ReducedJpegDecoding || codec.EncodedFormat != SKEncodedImageFormat.Jpeg)
            return full;
        var (width, height) = swapped ? (full.Height, full.Width) : (full.Width, full.Height);
        var plan = ResizePlan.For(width, height, preprocessing);
        var scale = Math.Min(plan.X.Scale, plan.Y.Scale);
        return scale switch
        {
            >= 16 => codec.GetScaledDimensions(1 / 8f),
            >= 8 => codec.GetScaledDimensions(1 / 4f),
            >= 4 => codec.GetScaledDimensions(1 / 2f),
            _ => full,
        };
    }

    private static void CheckSize(int width, int height, ImagePreprocessing preprocessing, string kind)
    {
        if (width < 1 || height < 1)
            throw new ImageDecodeException($"the {kind} has {width} x {height} pixels: there is nothing in it.");
        if ((long)width * height > preprocessing.MaxPixels)
            throw new ImageDecodeException(
                $"the {kind} has {width} x {height} = {(long)width * height:N0} pixels, more than the {preprocessing.MaxPixels:N0} that "
                    + $"{nameof(ImagePreprocessing)}.{nameof(ImagePreprocessing.MaxPixels)} allows. Shrink the image or raise the limit."
            );
    }

    private static void Check(SKCodecResult result, SKCodec codec)
    {
        if (result == SKCodecResult.Success)
            return;
        var found = $"a {codec.EncodedFormat.ToString().ToUpperInvariant()} of {codec.Info.Width} x {codec.Info.Height} pixels";
        throw new ImageDecodeException(
            result switch
            {
                SKCodecResult.IncompleteInput => $"{found} whose data ends too early: the file is truncated. Copy it again or remove it.",
                SKCodecResult.ErrorInInput => $"{found} whose data is damaged. Copy it again or remove it.",
                _ => $"{found} cannot be decoded ({result}). Convert it to an ordinary PNG or JPEG.",
            }
        );
    }

    private static ImageDecodeException Unrecognised(ReadOnlySpan<byte> encoded)
    {
        var start = encoded[..Math.Min(12, encoded.Length)];
        var text = Encoding.Latin1.GetString(start);
        var shown = text.All(c => c is >= ' ' and <= '~') ? $"'{text}'" : Convert.ToHexString(start);
        return new(
            $"{encoded.Length:N0} bytes that begin with {shown} are not a JPEG, PNG, WebP, GIF, BMP or ICO image, or its header is damaged."
        );
    }

    /// <summary>Fills a rented buffer with a file and closes the file.</summary>
    private static int ReadFile(string path, ref byte[]? buffer)
    {
        try
        {
            using var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            var size = RandomAccess.GetLength(handle);
            if (size > MaxFileBytes)
                throw new ImageDecodeException($"the file has {size:N0} bytes, more than the {MaxFileBytes:N0} that are read.");
            buffer = ArrayPool<byte>.Shared.Rent((int)Math.Max(1, size));
            return ReadAll(handle, buffer.AsSpan(0, (int)size));
        }
        catch (Exception e)
            when (e is IOException and not ImageDecodeException or UnauthorizedAccessException or ArgumentException { ParamName: "path" })
        {
            throw new ImageDecodeException($"the file cannot be read ({e.Message}) Check the path and the permissions.", e);
        }
    }

    private static int ReadAll(Microsoft.Win32.SafeHandles.SafeFileHandle handle, Span<byte> buffer)
    {
        var done = 0;
        while (done < buffer.Length && RandomAccess.Read(handle, buffer[done..], done) is > 0 and var count)
            done += count;
        return done;
    }
}
