using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>Covers a random rectangle with the channels' means (Zhong et al., 2017, "Random erasing data augmentation").</summary>
[DefinitionKind("augmentation")]
public sealed record RandomErasing : Definition
{
    /// <summary>Share of the images that lose a rectangle: 0 to 1. Default 0.25.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double Probability
    {
        get;
        init => field = Valid(value);
    } = 0.25;

    /// <summary>Smallest share of the area that is covered: above 0, below 1. Default 0.02.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("(0, 1]")]
    public double MinArea
    {
        get;
        init => field = Valid(value);
    } = 0.02;

    /// <summary>Largest share of the area that is covered: above 0, to 1. Default 0.33.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("(0, 1]")]
    public double MaxArea
    {
        get;
        init => field = Valid(value);
    } = 0.33;

    /// <summary>Largest height divided by width, and the inverse of the smallest: 1 to 10. Default 3.3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[1, 10]")]
    public double MaxAspect
    {
        get;
        init => field = Valid(value);
    } = 3.3;

    /// <inheritdoc/>
    protected internal override void Validate() => AugmentationRange.Ordered(this, MinArea, MaxArea, nameof(MinArea), nameof(MaxArea));

    /// <summary>The rectangle to cover, empty when there is none (after ten draws that do not fit, too).</summary>
    internal PixelRectangle Sample(int width, int height, ref RandomStream random)
    {
        if (!random.Chance(Probability))
            return default;
        var logAspect = Math.Log(MaxAspect);
        for (var i = 0; i < 10; i++)
        {
            var area = width * height * random.Uniform(MinArea, MaxArea);
            var aspect = Math.Exp(random.Uniform(-logAspect, logAspect));
            var (h, w) = ((int)Math.Round(Math.Sqrt(area * aspect)), (int)Math.Round(Math.Sqrt(area / aspect)));
            if (w < 1 || w >= width || h < 1 || h >= height)
                continue;
            var (left, top) = (random.Below(width - w + 1), random.Below(height - h + 1));
            return new(left, top, left + w, top + h);
        }
        return default;
    }
}
