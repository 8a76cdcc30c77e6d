using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;

namespace MLNetLosses.Interop;

/// <summary>Reads ML.NET's images.</summary>
internal static class MLImages
{
    /// <summary>
    /// The type of columns of images of any size. ML.NET makes such columns but does not tell itself how rows hold them: told, a class may have a property of
    /// type <see cref="MLImage"/> without an attribute.
    /// </summary>
    public static ImageDataViewType ColumnType { get; } = Register();

    private static ImageDataViewType Register()
    {
        var type = new ImageDataViewType();
        if (!DataViewTypeManager.Knows(type))
            DataViewTypeManager.Register(type, typeof(MLImage));
        return type;
    }

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
