using System.Text.Json;
using System.Text.Json.Serialization;
using MLNetLosses.Losses;
using MLNetLosses.Masks;

namespace MLNetLosses;

/// <summary>How mask files are to be understood: <see cref="Indices"/>, <see cref="Colors(IEnumerable{MaskColor}, IEnumerable{string}?)"/>
/// or <see cref="FilePerClass"/>.</summary>
[JsonDerivedType(typeof(IndexMaskFormat), "indices")]
[JsonDerivedType(typeof(ColorMaskFormat), "colors")]
[JsonDerivedType(typeof(FilePerClassMaskFormat), "filePerClass")]
public abstract partial record MaskFormat
{
    internal static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new ValueListConverter() } };

    private protected MaskFormat() { }

    /// <summary>The names of the classes in the order of their indices or layers, or null.</summary>
    public ValueList<string>? ClassNames { get; init; }

    /// <summary>How many classes there are, or null where that is not known.</summary>
    [JsonIgnore]
    public abstract int? ClassCount { get; }

    /// <summary>Whether its masks have layers.</summary>
    internal virtual bool HasLayers => false;

    /// <summary>
    /// Greyscale or palette pictures whose values are class indices; of a palette the indices count, not the colours. A picture in red, green and blue is
    /// taken where all three are equal.
    /// </summary>
    /// <param name="classCount">The number of classes, so that other indices are an error that names the pixel; null: not checked.</param>
    /// <param name="ignoreIndex">An index that is allowed besides, beside <see cref="SegmentationMask.Ignored"/>; it stays as it is.</param>
    /// <param name="classNames">The names of the classes; tells <paramref name="classCount"/> too.</param>
    /// <exception cref="ArgumentException">The count is not in 1 to 255, the index not in 0 to 255, or names and count differ.</exception>
    public static MaskFormat Indices(int? classCount = null, int? ignoreIndex = null, IEnumerable<string>? classNames = null)
    {
        var names = Names(classNames);
        if (classCount is not (null or (>= 1 and <= 255)))
            throw new ArgumentException($"There can be 1 to 255 classes; classCount is {classCount}.", nameof(classCount));
        if (ignoreIndex is not (null or (>= 0 and <= 255)))
            throw new ArgumentException($"Indices are 0 to 255; ignoreIndex is {ignoreIndex}.", nameof(ignoreIndex));
        if (names is not null && classCount is not null && names.Count != classCount)
            throw new ArgumentException($"{names.Count} names are given for {classCount} classes.", nameof(classNames));
        return new IndexMaskFormat
        {
            Count = classCount ?? names?.Count,
            IgnoreIndex = ignoreIndex,
            ClassNames = names,
        };
    }

    /// <summary>Pictures whose colours stand for classes. A colour that is not in the table is an error that names the pixel.</summary>
    /// <param name="table">The colours.</param>
    /// <param name="classNames">The names of the classes, or null.</param>
    /// <exception cref="ArgumentException">No colours, a colour twice for different classes, or names and classes differ in number.</exception>
    public static MaskFormat Colors(IEnumerable<MaskColor> table, IEnumerable<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(table);
        var format = new ColorMaskFormat { Table = [.. table], ClassNames = Names(classNames) };
        format.Validate();
        return format;
    }

    /// <summary>Pictures whose colours stand for classes, the first colour for class 0.</summary>
    /// <param name="colors">One colour a class, such as <c>#804080</c>.</param>
    /// <exception cref="ArgumentException">No colours, or a colour twice.</exception>
    /// <exception cref="FormatException">A text is no colour.</exception>
    public static MaskFormat Colors(params ReadOnlySpan<string> colors)
    {
        if (colors.Length > 255)
            throw new ArgumentException($"There can be at most 255 classes, got {colors.Length} colours.", nameof(colors));
        var table = new MaskColor[colors.Length];
        for (var i = 0; i < table.Length; i++)
            table[i] = MaskColor.Parse(colors[i], (byte)i);
        return Colors(table);
    }

    /// <summary>
    /// One picture a class, whose pixels other than 0 (black) are of the class. The path of a mask holds <c>{class}</c> where the name of each class goes, such
    /// as <c>masks/{class}/0001.png</c>; a class whose file does not exist is not in the image.
    /// </summary>
    /// <param name="classNames">The names as they stand in paths.</param>
    /// <param name="layers">
    /// True: a layer a class, which may overlap. False: class indices, where 0 is the background, the first name is 1, and a pixel in two files is an error.
    /// </param>
    /// <exception cref="ArgumentException">No names, a name twice, or more than 254.</exception>
    public static MaskFormat FilePerClass(IEnumerable<string> classNames, bool layers = true)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        var names = Names(classNames)!;
        if (names.Count is 0 or > 254)
            throw new ArgumentException($"1 to 254 class names are needed, got {names.Count}.", nameof(classNames));
        return new FilePerClassMaskFormat
        {
            Files = names,
            Layers = layers,
            ClassNames = layers ? names : [MaskClasses.Background, .. names],
        };
    }

    internal string ToJson() => JsonSerializer.Serialize(this, Json);

    internal static MaskFormat FromJson(string json) =>
        JsonSerializer.Deserialize<MaskFormat>(json, Json) ?? throw new JsonException("a mask format is missing");

    /// <summary>Reads a mask.</summary>
    internal abstract SegmentationMask Read(string path);

    private static ValueList<string>? Names(IEnumerable<string>? names)
    {
        if (names is null)
            return null;
        ValueList<string> list = [.. names];
        if (list.Any(string.IsNullOrWhiteSpace))
            throw new ArgumentException("A class name is empty.", nameof(names));
        if (list.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"The class name '{twice.Key}' is there twice.", nameof(names));
        return list;
    }
}
