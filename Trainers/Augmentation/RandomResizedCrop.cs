using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>
/// A random part of the image, scaled to the full size (Szegedy et al., 2015, "Going deeper with convolutions"; torchvision's RandomResizedCrop). Ten
/// draws are made; should none fit into the image, the largest centred part of an allowed shape is taken.
/// </summary>
[DefinitionKind("augmentation")]
public sealed record RandomResizedCrop : Definition
{
    /// <summary>Smallest share of the area that is kept: above 0, to 1. Default 0.08.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("(0, 1]")]
    public double MinArea
    {
        get;
        init => field = Valid(value);
    } = 0.08;

    /// <summary>Largest share of the area that is kept: above 0, to 1. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("(0, 1]")]
    public double MaxArea
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Largest width divided by height, and the inverse of the smallest: 1 to 10. Default 4/3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[1, 10]")]
    public double MaxAspect
    {
        get;
        init => field = Valid(value);
    } = 4.0 / 3;

    /// <inheritdoc/>
    protected internal override void Validate() => AugmentationRange.Ordered(this, MinArea, MaxArea, nameof(MinArea), nameof(MaxArea));

    internal GeometricTransform Sample(int width, int height, ref RandomStream random)
    {
        var logAspect = Math.Log(MaxAspect);
        for (var i = 0; i < 10; i++)
        {
            var area = width * height * random.Uniform(MinArea, MaxArea);
            var aspect = Math.Exp(random.Uniform(-logAspect, logAspect));
            var (w, h) = ((int)Math.Round(Math.Sqrt(area * aspect)), (int)Math.Round(Math.Sqrt(area / aspect)));
            if (w >= 1 && w <= width && h >= 1 && h <= height)
                return Part(random.Below(width - w + 1), random.Below(height - h + 1), w, h, width, height);
        }
        var (cw, ch) = (Math.Min(width, (int)(height * MaxAspect)), Math.Min(height, (int)(width * MaxAspect)));
        return Part((width - cw) / 2, (height - ch) / 2, cw, ch, width, height);
    }

    private static GeometricTransform Part(int left, int top, int w, int h, int width, int height) =>
        GeometricTransform.Crop(width, height, left, top, w, h).Then(GeometricTransform.Resize(w, h, width, height));
}
