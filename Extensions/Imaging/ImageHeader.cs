using SkiaSharp;

namespace MLNetLosses.Data;

/// <summary>What the header of an image file tells.</summary>
/// <param name="Width">Columns of pixels as stored.</param>
/// <param name="Height">Rows of pixels as stored.</param>
/// <param name="Origin">How the pixels are turned to be shown.</param>
internal readonly record struct ImageHeader(int Width, int Height, SKEncodedOrigin Origin)
{
    public bool IsUpright => Origin is SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default;

    public bool SwapsAxes => ImageOrientation.SwapsAxes(Origin);

    /// <summary>The size of the image as shown.</summary>
    public (int Width, int Height) UprightSize => SwapsAxes ? (Height, Width) : (Width, Height);

    /// <summary>Reads the header; null where the file is missing or no image.</summary>
    public static ImageHeader? Read(string path)
    {
        if (!File.Exists(path))
            return null;
        using var codec = SKCodec.Create(path);
        return Of(codec);
    }

    /// <summary>The header of the bytes of a file; null where they are no image.</summary>
    public static ImageHeader? Of(byte[] encoded)
    {
        using var data = SKData.CreateCopy(encoded);
        using var codec = SKCodec.Create(data);
        return Of(codec);
    }

    /// <summary>A box of the stored pixels as a box of the image as shown.</summary>
    public AnnotationBox Turn(AnnotationBox box)
    {
        var (x0, y0) = Turn(box.X0, box.Y0);
        var (x1, y1) = Turn(box.X1, box.Y1);
        return new(Math.Min(x0, x1), Math.Min(y0, y1), Math.Max(x0, x1), Math.Max(y0, y1));
    }

    private static ImageHeader? Of(SKCodec? codec) => codec is null ? null : new(codec.Info.Width, codec.Info.Height, codec.EncodedOrigin);

    private (double X, double Y) Turn(double x, double y) =>
        Origin switch
        {
            SKEncodedOrigin.TopRight => (Width - x, y),
            SKEncodedOrigin.BottomRight => (Width - x, Height - y),
            SKEncodedOrigin.BottomLeft => (x, Height - y),
            SKEncodedOrigin.LeftTop => (y, x),
            SKEncodedOrigin.RightTop => (Height - y, x),
            SKEncodedOrigin.RightBottom => (Height - y, Width - x),
            SKEncodedOrigin.LeftBottom => (y, Width - x),
            _ => (x, y),
        };
}
