using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>A Gaussian blur of random width, the border mirrored (Chen et al., 2020, SimCLR).</summary>
[DefinitionKind("augmentation")]
public sealed record GaussianBlur : Definition
{
    /// <summary>Share of the images that are blurred: 0 to 1. Default 0.5.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double Probability
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Smallest standard deviation in pixels: 0.05 to 20. Default 0.1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0.05, 20]")]
    public double MinSigma
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Largest standard deviation in pixels: 0.05 to 20. Default 2.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0.05, 20]")]
    public double MaxSigma
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <inheritdoc/>
    protected internal override void Validate() => AugmentationRange.Ordered(this, MinSigma, MaxSigma, nameof(MinSigma), nameof(MaxSigma));

    internal void Sample(List<ColorOperation[]> steps, int count, ref RandomStream random)
    {
        var operations = new ColorOperation[count];
        foreach (ref var operation in operations.AsSpan())
        {
            var (blurred, sigma) = (random.Chance(Probability), random.Uniform(MinSigma, MaxSigma));
            operation = blurred ? new(ColorKind.Blur, sigma) : default;
        }
        steps.Add(operations);
    }
}
