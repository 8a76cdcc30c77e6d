using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>
/// How images of any size become inputs of a detector: the shorter side is brought to a length unless the longer one would exceed its own, keeping proportions, and the rest
/// up to a multiple of what the network needs is zeros.
/// </summary>
internal sealed record DetectionSizing(int ShorterSide, int LongerSide)
{
    private const int BlockPixels = 1 << 20;

    /// <summary>How many images are best computed together when nothing is learned.</summary>
    public int BlockSize => (int)Math.Clamp(BlockPixels / ((long)ShorterSide * LongerSide), 1, 16);

    /// <summary>The size that an image is brought to.</summary>
    public (int Width, int Height) For(int width, int height)
    {
        var scale = Math.Min((float)ShorterSide / Math.Min(width, height), (float)LongerSide / Math.Max(width, height));
        return (Math.Max(1, (int)Math.Floor(width * (double)scale)), Math.Max(1, (int)Math.Floor(height * (double)scale)));
    }

    /// <summary>How an image of a size is decoded.</summary>
    public Func<int, int, ImagePreprocessing> Decoding(ImagePreprocessing preprocessing) =>
        (width, height) =>
        {
            var size = For(width, height);
            return preprocessing with { Width = size.Width, Height = size.Height, Resize = ResizeRule.Stretch };
        };

    /// <summary>A length rounded up to a multiple.</summary>
    public static int RoundUp(int length, int divisor) => (length + divisor - 1) / divisor * divisor;
}
