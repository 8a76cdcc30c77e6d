using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace MLNetLosses.Interop;

/// <summary>Reads ML.NET's images.</summary>
internal static class MLImages
{
    /// <summary>
    /// The bytes of an image, four a pixel. <see cref="MLImage.Pixels"/> itself does not run where an application brings SkiaSharp 3 (plots
    /// do): ML.NET was compiled against SkiaSharp 2, in which a method returned another type. Valid while the image lives.
    /// </summary>
    public static unsafe ReadOnlySpan<byte> PixelsOf(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        _ = image.Width; // says so when the image is disposed
        var bitmap = BitmapOf(image);
        return new(bitmap.GetPixels().ToPointer(), bitmap.ByteCount);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_image")]
    private static extern ref SKBitmap BitmapOf(MLImage image);
}
