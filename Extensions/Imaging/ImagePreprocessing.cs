using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>
/// What happens to an image between the file and the network: decoded with its EXIF orientation, laid on <see cref="Background"/> where it is
/// transparent, resized, and normalised to <c>(value / 255 - mean) / std</c>. One object serves training and prediction, and is saved with the
/// model, so that both see the same pixels. Colour profiles are not applied: the numbers in the file are used, as the peers do.
/// </summary>
[DefinitionKind("preprocessing")]
public sealed record ImagePreprocessing : Definition
{
    private static readonly ValueList<double> ImageNetMean = [0.485, 0.456, 0.406];
    private static readonly ValueList<double> ImageNetStd = [0.229, 0.224, 0.225];
    private static readonly ValueList<double> GrayMean = [0.449];
    private static readonly ValueList<double> GrayStd = [0.226];

    /// <summary>Width of what the network reads, in pixels: 1 to 16384, default 224.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[1, 16384]")]
    public int Width
    {
        get;
        init => field = Valid(value);
    } = 224;

    /// <summary>Height of what the network reads, in pixels: 1 to 16384, default 224.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[1, 16384]")]
    public int Height
    {
        get;
        init => field = Valid(value);
    } = 224;

    /// <summary>How an image of another shape becomes <see cref="Width"/> by <see cref="Height"/>. Default <see cref="ResizeRule.CropCenter"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a value of the enumeration.</exception>
    public ResizeRule Resize
    {
        get;
        init => field = Valid(value);
    } = ResizeRule.CropCenter;

    /// <summary>The channels that the network reads. Default <see cref="ImageColor.Rgb"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a value of the enumeration.</exception>
    public ImageColor Color
    {
        get;
        init => field = Valid(value);
    } = ImageColor.Rgb;

    /// <summary>
    /// Mean of each channel on a scale of 0 to 1, one value a channel. Null (the default): ImageNet's (0.485, 0.456, 0.406), or 0.449 for greyscale.
    /// </summary>
    /// <exception cref="ArgumentException">Not 1 or 3 values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A value is not finite.</exception>
    [Interval("(-inf, inf)")]
    public ValueList<double>? Mean
    {
        get;
        init => field = Channel(value, nameof(Mean));
    }

    /// <summary>
    /// Standard deviation of each channel on a scale of 0 to 1, one value a channel. Null (the default): ImageNet's (0.229, 0.224, 0.225), or 0.226 for
    /// greyscale.
    /// </summary>
    /// <exception cref="ArgumentException">Not 1 or 3 values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A value is not finite and above 0.</exception>
    [Interval("(0, inf)")]
    public ValueList<double>? Std
    {
        get;
        init => field = Channel(value, nameof(Std));
    }

    /// <summary>The colour that shows where an image is transparent: red, green, blue, 0 to 255 each. Default white.</summary>
    /// <exception cref="ArgumentException">Not 3 values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A value outside 0 to 255.</exception>
    [Interval("[0, 255]")]
    public ValueList<int> Background
    {
        get;
        init => field = ThreeBytes(value, nameof(Background));
    } = [255, 255, 255];

    /// <summary>
    /// The colour beside an image that does not fill its target under <see cref="ResizeRule.Pad"/>: red, green, blue, 0 to 255 each. Default black.
    /// </summary>
    /// <exception cref="ArgumentException">Not 3 values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A value outside 0 to 255.</exception>
    [Interval("[0, 255]")]
    public ValueList<int> PadColor
    {
        get;
        init => field = ThreeBytes(value, nameof(PadColor));
    } = [0, 0, 0];

    /// <summary>
    /// The most pixels (width times height, as the file's header gives them) that are decoded: 1 to 500 million, default 100 million. A larger image
    /// is refused before memory is set aside for it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    [Interval("[1, 500000000]")]
    public long MaxPixels
    {
        get;
        init => field = Valid(value);
    } = 100_000_000;

    /// <summary>
    /// Lets the JPEG decoder shrink by 2, 4 or 8 on the way while at least twice the target size remains, which is several times faster for photographs
    /// and differs by a fraction of a level. Default true.
    /// </summary>
    public bool ReducedJpegDecoding { get; init; } = true;

    /// <summary>3 for <see cref="ImageColor.Rgb"/>, 1 for <see cref="ImageColor.Gray"/>.</summary>
    public int Channels => Color == ImageColor.Gray ? 1 : 3;

    /// <summary>The means that are used.</summary>
    internal ValueList<double> ChannelMean => Mean ?? (Color == ImageColor.Gray ? GrayMean : ImageNetMean);

    /// <summary>The deviations that are used.</summary>
    internal ValueList<double> ChannelStd => Std ?? (Color == ImageColor.Gray ? GrayStd : ImageNetStd);

    /// <summary>Bytes of one decoded image: channels times height times width.</summary>
    internal int ImageBytes => checked(Channels * Height * Width);

    /// <summary>Reads what <see cref="Definition.ToString"/> or <see cref="Definition.ToJson"/> wrote.</summary>
    /// <param name="text">The text form or JSON.</param>
    /// <exception cref="FormatException">An option that is not known or a value out of range; the message lists what is allowed.</exception>
    public static ImagePreprocessing Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        return (ImagePreprocessing)(
            text.TrimStart().StartsWith('{')
                ? DefinitionJson.Deserialize(text, typeof(ImagePreprocessing))
                : DefinitionText.Parse(text, typeof(ImagePreprocessing))
        );
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (ChannelMean.Count != Channels || ChannelStd.Count != Channels)
            throw new ArgumentException(
                $"{Name}: {Color} images have {Channels} channel(s), but {nameof(Mean)} has {ChannelMean.Count} and {nameof(Std)} {ChannelStd.Count} values."
            );
    }

    private ValueList<double>? Channel(ValueList<double>? values, string name) =>
        values is null or { Count: 1 or 3 }
            ? Valid(values, name)
            : throw new ArgumentException($"{Name}: {name} must hold 1 value (greyscale) or 3 (red, green, blue), got {values}.", name);

    private ValueList<int> ThreeBytes(ValueList<int> values, string name)
    {
        ArgumentNullException.ThrowIfNull(values, name);
        return values.Count == 3
            ? Valid(values, name)
            : throw new ArgumentException($"{Name}: {name} must hold red, green and blue, got {values}.", name);
    }
}
