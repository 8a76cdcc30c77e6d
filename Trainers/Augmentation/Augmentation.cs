using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>
/// What is changed at random in the training images, so that a network sees more than there is. The order is fixed: crop, flips, the policy's geometry and
/// <see cref="Affine"/> (put together and sampled once, bilinear where pixels do not fall on pixels), then the policy's colours,
/// <see cref="ColorJitter"/>, <see cref="Grayscale"/>, <see cref="Blur"/>, normalisation, <see cref="Erasing"/>, and last Mixup or CutMix. All of it is
/// decided by the seed, the epoch and the step, and by nothing else. The default changes nothing. Text and JSON forms as losses have.
/// </summary>
[DefinitionKind("augmentation")]
public sealed record Augmentation : Definition
{
    /// <summary>Nothing is changed.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>A crop after padding by an eighth, and a horizontal flip: the usual recipe for small images.</summary>
    public static Augmentation Light { get; } = new() { CropPadding = 0.125, HorizontalFlip = 0.5 };

    /// <summary>A resized crop of 35 % to 100 % of the area, a horizontal flip, and mild colour changes: the usual recipe for photographs.</summary>
    public static Augmentation Photo { get; } =
        new()
        {
            ResizedCrop = new() { MinArea = 0.35 },
            HorizontalFlip = 0.5,
            ColorJitter = new()
            {
                Brightness = 0.2,
                Contrast = 0.2,
                Saturation = 0.2,
            },
        };

    /// <summary><see cref="Light"/> and <see cref="Data.TrivialAugment"/>.</summary>
    public static Augmentation TrivialAugment { get; } = Light with { Policy = new TrivialAugment() };

    /// <summary><see cref="Light"/> and <see cref="Data.RandAugment"/>.</summary>
    public static Augmentation RandAugment { get; } = Light with { Policy = new RandAugment() };

    /// <summary><see cref="RandAugment"/>, erasing, and Mixup or CutMix in turn: for long trainings of large networks.</summary>
    public static Augmentation Strong { get; } = RandAugment with { Erasing = new(), MixupAlpha = 0.2, CutMixAlpha = 1 };

    private static Dictionary<string, Augmentation> Presets =>
        new(StringComparer.OrdinalIgnoreCase)
        {
            [nameof(None)] = None,
            [nameof(Light)] = Light,
            [nameof(Photo)] = Photo,
            [nameof(TrivialAugment)] = TrivialAugment,
            [nameof(RandAugment)] = RandAugment,
            [nameof(Strong)] = Strong,
        };

    /// <summary>
    /// Pads each side by this share of the length (rounded down) with <see cref="Fill"/> and cuts a random part of the original size: 0 to 1. Default 0.
    /// Excludes <see cref="ResizedCrop"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double CropPadding
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Cuts a random part and scales it to the full size. Default null: not done. Excludes <see cref="CropPadding"/>.</summary>
    public RandomResizedCrop? ResizedCrop { get; init; }

    /// <summary>Share of the images that are mirrored left to right: 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double HorizontalFlip
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Share of the images that are mirrored top to bottom: 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double VerticalFlip
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Rotation, shift, scale and shear. Default null: not done.</summary>
    public RandomAffine? Affine { get; init; }

    /// <summary>TrivialAugment or RandAugment. Default null: not done.</summary>
    public AugmentationPolicy? Policy { get; init; }

    /// <summary>Brightness, contrast, saturation and hue. Default null: not done.</summary>
    public ColorJitter? ColorJitter { get; init; }

    /// <summary>Share of the images that lose their colour: 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double Grayscale
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Gaussian blur. Default null: not done.</summary>
    public GaussianBlur? Blur { get; init; }

    /// <summary>Covers a rectangle. Default null: not done.</summary>
    public RandomErasing? Erasing { get; init; }

    /// <summary>
    /// Mixup (Zhang et al., 2017): images and targets become <c>l a + (1 - l) b</c>, l from Beta(alpha, alpha), once a batch: 0 (not done) to 100. Default 0.
    /// Together with <see cref="CutMixAlpha"/> each batch takes one of the two.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 100]")]
    public double MixupAlpha
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>
    /// CutMix (Yun et al., 2019): a rectangle of the share 1 - l comes from a partner, targets are mixed by area, l from Beta(alpha, alpha): 0 (not done)
    /// to 100. Default 0.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 100]")]
    public double CutMixAlpha
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Share of the batches that Mixup or CutMix applies to: 0 to 1. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 1]")]
    public double MixingProbability
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The value of all channels where geometry shows what is outside the image: 0 to 255. Default 0 (black).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[0, 255]")]
    public int Fill
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>True when targets are mixed, so that a loss must take two targets or soft ones.</summary>
    internal bool Mixes => (MixupAlpha > 0 || CutMixAlpha > 0) && MixingProbability > 0;

    /// <summary>Reads an augmentation from the name of a preset (<c>Light</c>), its text form (<c>Augmentation(horizontalFlip: 0.5)</c>) or JSON.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">None of the three, an option that is not known, or a value out of range; the message lists what is allowed.</exception>
    public static Augmentation Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        text = text.Trim();
        if (Presets.TryGetValue(text, out var preset))
            return preset;
        if (text.StartsWith('{'))
            return (Augmentation)DefinitionJson.Deserialize(text, typeof(Augmentation));
        if (!text.Contains('('))
            throw new FormatException($"'{text}' is no augmentation: give {string.Join(", ", Presets.Keys)}, Augmentation(...) or JSON.");
        return (Augmentation)DefinitionText.Parse(text, typeof(Augmentation));
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (CropPadding > 0 && ResizedCrop is not null)
            throw new ArgumentException(
                $"{nameof(CropPadding)} and {nameof(ResizedCrop)} exclude each other: set {nameof(CropPadding)} = 0 or {nameof(ResizedCrop)} = null."
            );
        foreach (var part in new Definition?[] { ResizedCrop, Affine, Policy, ColorJitter, Blur, Erasing })
            part?.Validate();
    }
}
