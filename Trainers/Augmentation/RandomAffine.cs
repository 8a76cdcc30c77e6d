using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>
/// Rotation, shift, scale and shear about the centre, each drawn evenly from its range (torchvision's RandomAffine). What comes in from outside takes
/// <see cref="Augmentation.Fill"/>.
/// </summary>
[DefinitionKind("augmentation")]
public sealed record RandomAffine : Definition
{
    /// <summary>Largest angle in degrees, either way: 0 to 180. Default 10.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 180]")]
    public double Degrees
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>Largest shift along each axis, as a share of its length, either way: 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double Translation
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Smallest scale: 0.05 to 20, below 1 shrinks what is shown. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0.05, 20]")]
    public double MinScale
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Largest scale: 0.05 to 20. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0.05, 20]")]
    public double MaxScale
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Largest angle of horizontal shear in degrees, either way: 0 to 80. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 80]")]
    public double Shear
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override void Validate() => AugmentationRange.Ordered(this, MinScale, MaxScale, nameof(MinScale), nameof(MaxScale));

    internal GeometricTransform Sample(int width, int height, ref RandomStream random)
    {
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
