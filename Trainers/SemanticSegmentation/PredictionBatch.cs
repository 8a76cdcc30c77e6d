namespace MLNetLosses;

/// <summary>
/// How many images a network that does not learn is given at once. Beyond some pixels more are no faster on the CPU (U-Net on ResNet18, two threads of an EPYC, images of 192 x
/// 160: 8, 16 and 32 of them 60 images a second each) and hold memory.
/// </summary>
internal static class PredictionBatch
{
    private const int MostImages = 32;
    private const int EnoughPixels = 1 << 18;

    /// <summary>The number of images.</summary>
    /// <param name="width">Their width.</param>
    /// <param name="height">Their height.</param>
    /// <param name="maxPixels">The most pixels that the user allows.</param>
    public static int ImagesOf(int width, int height, int maxPixels) =>
        (int)Math.Clamp(Math.Min(maxPixels, EnoughPixels) / ((long)width * height), 1, MostImages);
}
