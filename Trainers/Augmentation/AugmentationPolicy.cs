using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>A published recipe that draws operations for every image from a fixed list.</summary>
[DefinitionKind("policy")]
public abstract record AugmentationPolicy : Definition
{
    private protected AugmentationPolicy() { }

    /// <summary>How many operations an image gets.</summary>
    internal abstract int Steps { get; }

    /// <summary>Draws one operation for an image of a size: a change of geometry, or of colour, or neither.</summary>
    internal abstract (GeometricTransform? Geometry, ColorOperation Color) Sample(int width, int height, ref RandomStream random);
}

/// <summary>
/// TrivialAugment, wide (Müller and Hutter, 2021; torchvision's TrivialAugmentWide): one operation an image, of a strength drawn evenly from 31 levels.
/// Shifts go up to 32 pixels, rotations to 135 degrees, shears to 0.99, colour factors to 1 +- 0.99. Nothing to tune.
/// </summary>
public sealed record TrivialAugment : AugmentationPolicy
{
    private const int Levels = 31;

    internal override int Steps => 1;

    internal override (GeometricTransform? Geometry, ColorOperation Color) Sample(int width, int height, ref RandomStream random)
    {
        var (kind, level, sign) = ((PolicyOperation)random.Below(PolicyOperations.Count), random.Below(Levels), random.Sign());
        var strength = level / (Levels - 1.0);
        var amount = kind switch
        {
            PolicyOperation.ShearX or PolicyOperation.ShearY => 0.99 * strength,
            PolicyOperation.TranslateX or PolicyOperation.TranslateY => 32 * strength,
            PolicyOperation.Rotate => 135 * strength,
            PolicyOperation.Posterize => 8 - (int)Math.Round(6 * strength),
            PolicyOperation.Solarize => 255 * (1 - strength),
            _ => 0.99 * strength,
        };
        return PolicyOperations.Make(kind, amount, sign, width, height);
    }
}

/// <summary>
/// RandAugment (Cubuk et al., 2019; torchvision's RandAugment): a number of operations an image, drawn with repetition, all of one strength.
/// </summary>
public sealed record RandAugment : AugmentationPolicy
{
    private const int MaxMagnitude = 30;

    /// <summary>Operations an image: 1 to 10. Default 2.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[1, 10]")]
    public int Operations
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>Strength: 0 (weakest) to 30. Default 9.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 30]")]
    public int Magnitude
    {
        get;
        init => field = Valid(value);
    } = 9;

    internal override int Steps => Operations;

    internal override (GeometricTransform? Geometry, ColorOperation Color) Sample(int width, int height, ref RandomStream random)
    {
        var (kind, sign) = ((PolicyOperation)random.Below(PolicyOperations.Count), random.Sign());
        var strength = Magnitude / (double)MaxMagnitude;
        var amount = kind switch
        {
            PolicyOperation.ShearX or PolicyOperation.ShearY => 0.3 * strength,
            PolicyOperation.TranslateX => 150.0 / 331 * width * strength,
            PolicyOperation.TranslateY => 150.0 / 331 * height * strength,
            PolicyOperation.Rotate => 30 * strength,
            PolicyOperation.Posterize => 8 - (int)Math.Round(4 * strength),
            PolicyOperation.Solarize => 255 * (1 - strength),
            _ => 0.9 * strength,
        };
        return PolicyOperations.Make(kind, amount, sign, width, height);
    }
}
