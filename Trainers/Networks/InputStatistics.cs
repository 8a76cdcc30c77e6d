namespace MLNetLosses.Networks;

/// <summary>Mean and deviation of the channels, by which images are normalised.</summary>
internal static class InputStatistics
{
    private static readonly float[] ImageNetMean = [0.485f, 0.456f, 0.406f];
    private static readonly float[] ImageNetStd = [0.229f, 0.224f, 0.225f];

    /// <summary>One value per channel: ImageNet's for RGB; their mean for grey images and for channels beyond RGB.</summary>
    public static (IReadOnlyList<float> Mean, IReadOnlyList<float> Std) Of(Backbone backbone, int channels) =>
        backbone == Backbone.ShuffleNetV2X05
            ? (Adapt([0, 0, 0], channels), Adapt([1, 1, 1], channels))
            : (Adapt(ImageNetMean, channels), Adapt(ImageNetStd, channels));

    private static float[] Adapt(float[] rgb, int channels) =>
        [.. Enumerable.Range(0, channels).Select(channel => channels >= 3 && channel < 3 ? rgb[channel] : rgb.Average())];
}
