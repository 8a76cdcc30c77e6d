using System.Text.Json.Serialization;

namespace MLNetLosses.Data;

/// <summary>
/// What happens to an image between the file and the network: decoded with its EXIF orientation, laid on <see cref="Background"/> where it is
/// transparent, resized, and normalised to <c>(value / 255 - mean) / std</c>. One object serves training and prediction, and is saved with the
/// model, so that both see the same pixels. Colour profiles are not applied: the numbers in the file are used, as the peers do.
/// </summary>
public sealed record ImagePreprocessing
{
    internal static readonly IReadOnlyList<float> ImageNetMean = new ValueList([0.485f, 0.456f, 0.406f]);
    internal static readonly IReadOnlyList<float> ImageNetStd = new ValueList([0.229f, 0.224f, 0.225f]);
    private static readonly IReadOnlyList<float> GrayMean = new ValueList([0.449f]);
    private static readonly IReadOnlyList<float> GrayStd = new ValueList([0.226f]);

    /// <summary>Width of what the network reads, in pixels: 1 to 16384, default 224.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public int Width
    {
        get;
        init => field = Side(value, nameof(Width));
    } = 224;

    /// <summary>Height of what the network reads, in pixels: 1 to 16384, default 224.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public int Height
    {
        get;
        init => field = Side(value, nameof(Height));
    } = 224;

    /// <summary>How an image of another shape becomes <see cref="Width"/> by <see cref="Height"/>. Default <see cref="ResizeRule.CropCenter"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a value of the enumeration.</exception>
    public ResizeRule Resize
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw Undefined(nameof(Resize), value);
    } = ResizeRule.CropCenter;

    /// <summary>The channels that the network reads. Default <see cref="ImageColor.Rgb"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a value of the enumeration.</exception>
    public ImageColor Color
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw Undefined(nameof(Color), value);
    } = ImageColor.Rgb;

    /// <summary>
    /// Mean of each channel on a scale of 0 to 1, one value a channel. Default: ImageNet's (0.485, 0.456, 0.406), or 0.449 for greyscale.
    /// </summary>
    /// <exception cref="ArgumentException">Not 1 or 3 finite values.</exception>
    public IReadOnlyList<float> Mean
    {
        get => field ?? (Color == ImageColor.Gray ? GrayMean : ImageNetMean);
        init => field = Statistics(value, nameof(Mean), positive: false);
    }

    /// <summary>
    /// Standard deviation of each channel on a scale of 0 to 1, one value a channel. Default: ImageNet's (0.229, 0.224, 0.225), or 0.226 for greyscale.
    /// </summary>
    /// <exception cref="ArgumentException">Not 1 or 3 finite values above 0.</exception>
    public IReadOnlyList<float> Std
    {
        get => field ?? (Color == ImageColor.Gray ? GrayStd : ImageNetStd);
        init => field = Statistics(value, nameof(Std), positive: true);
    }

    /// <summary>The colour that shows where an image is transparent. Default white.</summary>
    public RgbColor Background { get; init; } = RgbColor.White;

    /// <summary>The colour beside an image that <see cref="ResizeRule.Pad"/> does not fill. Default black.</summary>
    public RgbColor PadColor { get; init; } = RgbColor.Black;

    /// <summary>
    /// The most pixels (width times height, as the file's header gives them) that are decoded: 1 to 500 million, default 100 million. A larger image
    /// is refused before memory is set aside for it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public long MaxPixels
    {
        get;
        init =>
            field = value is >= 1 and <= 500_000_000
                ? value
                : throw new ArgumentOutOfRangeException(nameof(MaxPixels), value, "MaxPixels must be 1 to 500,000,000.");
    } = 100_000_000;

    /// <summary>
    /// Lets the JPEG decoder shrink by 2, 4 or 8 on the way while at least twice the target size remains, which is several times faster for photographs
    /// and differs by a fraction of a level. Default true.
    /// </summary>
    public bool ReducedJpegDecoding { get; init; } = true;

    /// <summary>3 for <see cref="ImageColor.Rgb"/>, 1 for <see cref="ImageColor.Gray"/>.</summary>
    [JsonIgnore]
    public int Channels => Color == ImageColor.Gray ? 1 : 3;

    /// <summary>Bytes of one decoded image: channels times height times width.</summary>
    internal int ImageBytes => checked(Channels * Height * Width);

    private static int Side(int value, string name) =>
        value is >= 1 and <= 16384 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be 1 to 16384 pixels.");

    private static ArgumentOutOfRangeException Undefined<T>(string name, T value)
        where T : struct, Enum => new(name, value, $"{name} must be one of {string.Join(", ", Enum.GetNames<T>())}.");

    private static ValueList Statistics(IReadOnlyList<float> values, string name, bool positive)
    {
        ArgumentNullException.ThrowIfNull(values, name);
        if (values.Count is not (1 or 3) || values.Any(v => !float.IsFinite(v) || (positive && v <= 0)))
        {
            var kind = positive ? "finite values above 0" : "finite values";
            throw new ArgumentException(
                $"{name} must hold 1 (greyscale) or 3 (red, green, blue) {kind}, got {new ValueList(values)}.",
                name
            );
        }
        return new ValueList(values);
    }
}
