namespace MLNetLosses.Scoring;

/// <summary>How many images are best computed together when nothing is learned.</summary>
internal static class BlockSizes
{
    private const int BlockBytes = 6 << 20;

    /// <param name="imageBytes">Bytes of a decoded image.</param>
    public static int For(int imageBytes) => Math.Clamp(BlockBytes / imageBytes, 8, 128);
}
