using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>
/// Brightness, contrast, saturation and hue, each changed by a random amount of its own for every image, in an order that is drawn once a batch
/// (torchvision's ColorJitter). A factor is drawn from <c>[max(0, 1 - x), 1 + x]</c>. Saturation and hue leave one-channel images alone.
/// </summary>
[DefinitionKind("augmentation")]
public sealed record ColorJitter : Definition
{
    /// <summary>Spread of the factor that values are multiplied with: 0 to 10. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 10]")]
    public double Brightness
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Spread of the factor on the distance to the image's mean luma: 0 to 10. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 10]")]
    public double Contrast
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Spread of the factor on the distance to the pixel's luma: 0 to 10. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 10]")]
    public double Saturation
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Largest turn of the hue either way, as a share of the colour circle: 0 to 0.5. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 0.5]")]
    public double Hue
    {
        get;
        init => field = Valid(value);
    }

    internal void Sample(List<ColorOperation[]> steps, int count, ref RandomStream random)
    {
        Span<(ColorKind Kind, double Spread)> parts =
        [
            (ColorKind.Brightness, Brightness),
            (ColorKind.Contrast, Contrast),
            (ColorKind.Saturation, Saturation),
            (ColorKind.Hue, Hue),
        ];
        random.Shuffle(parts);
        foreach (var (kind, spread) in parts)
        {
            if (spread == 0)
                continue;
            var operations = new ColorOperation[count];
            foreach (ref var operation in operations.AsSpan())
                operation = new(
                    kind,
                    kind == ColorKind.Hue ? random.Uniform(-spread, spread) : random.Uniform(Math.Max(0, 1 - spread), 1 + spread)
                );
            steps.Add(operations);
        }
    }
}
