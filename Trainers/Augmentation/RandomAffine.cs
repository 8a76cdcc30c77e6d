namespace MLNetLosses.Data;

/// <summary>
/// Rotation, shift, scale and shear about the centre, each drawn evenly from its range (torchvision's RandomAffine). What comes in from outside takes
/// <see cref="Augmentation.Fill"/>.
/// </summary>
public sealed record RandomAffine
{
    /// <summary>Largest angle in degrees, either way: 0 to 180. Default 10.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double Degrees
    {
        get;
        init => field = AugmentationRange.Between(value, 0, 180);
    } = 10;

    /// <summary>Largest shift along each axis, as a share of its length, either way: 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double Translation
    {
        get;
        init => field = AugmentationRange.Probability(value);
    }

    /// <summary>Smallest scale: 0.05 to 20, below 1 shrinks what is shown. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double MinScale
    {
        get;
        init => field = AugmentationRange.Between(value, 0.05, 20);
    } = 1;

    /// <summary>Largest scale: 0.05 to 20. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double MaxScale
    {
        get;
        init => field = AugmentationRange.Between(value, 0.05, 20);
    } = 1;

    /// <summary>Largest angle of horizontal shear in degrees, either way: 0 to 80. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double Shear
    {
        get;
        init => field = AugmentationRange.Between(value, 0, 80);
    }

    internal GeometricTransform Sample(int width, int height, ref RandomStream random)
    {
        AugmentationRange.Ordered(MinScale, MaxScale, nameof(MinScale), nameof(MaxScale));
        return GeometricTransform.Affine(
            width,
            height,
            random.Uniform(-Degrees, Degrees),
            random.Uniform(-Translation, Translation) * width,
            random.Uniform(-Translation, Translation) * height,
            random.Uniform(MinScale, MaxScale),
            random.Uniform(-Shear, Shear)
        );
    }
}
