using System.Text.Json;

namespace MLNetLosses.Masks;

/// <summary>
/// Masks from LabelMe's files: shapes are painted in the order of the file, later ones over earlier ones. The label <c>_background_</c> paints class 0,
/// <c>__ignore__</c> paints pixels that do not count.
/// </summary>
internal sealed class LabelMeMasks
{
    private const string BackgroundLabel = "_background_";
    private const string IgnoreLabel = "__ignore__";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly Dictionary<string, int> classes;
    private readonly bool layers;

    public LabelMeMasks(string folder, IEnumerable<string>? classNames, bool layers)
    {
        this.layers = layers;
        Files =
        [
            .. Directory
                .EnumerateFiles(folder, "*.json", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Select(path => (path, Content.Read(path).ImagePath))
                .Where(file => file.ImagePath is not null)
                .Select(file => (file.path, Path.Combine(Path.GetDirectoryName(file.path)!, file.ImagePath!.Replace('\\', '/')))),
        ];
        if (Files.Count == 0)
            throw new InvalidDataException($"'{folder}' has no LabelMe file (JSON with imagePath and shapes).");
        string[] names = classNames is null
            ?
            [
                .. Files
                    .SelectMany(file => Content.Read(file.Path).Shapes.Select(shape => shape.Label))
                    .Where(label => label is not (BackgroundLabel or IgnoreLabel))
                    .Distinct()
                    .Order(StringComparer.Ordinal),
            ]
            : [.. classNames];
        if (names.Length is 0 or > 254)
            throw new ArgumentException($"The files in '{folder}' have {names.Length} labels; 1 to 254 can be classes.");
        classes = names.Select((name, i) => (name, i)).ToDictionary(p => p.name, p => p.i);
        ClassNames = layers ? names : [MaskClasses.Background, .. names];
    }

    /// <summary>The files and their images.</summary>
    public IReadOnlyList<(string Path, string ImagePath)> Files { get; }

    public string[] ClassNames { get; }

    /// <summary>Paints the shapes of a file.</summary>
    public SegmentationMask Read(string path, (int Width, int Height) imageSize)
    {
        var content = Content.Read(path);
        var (width, height) = (content.ImageWidth ?? imageSize.Width, content.ImageHeight ?? imageSize.Height);
        if (width < 1 || height < 1)
            throw MaskErrors.Of(path, $"its image's size is given as {width} x {height}.");
        var pixels = checked(width * height);
        var values = new byte[checked((layers ? classes.Count : 1) * pixels)];
        foreach (var shape in content.Shapes)
        {
            if (classes.TryGetValue(shape.Label, out var index))
                Paint(shape, layers ? Layer(index) : values, width, layers ? (byte)1 : (byte)(index + 1), path);
            else if (shape.Label == IgnoreLabel)
                for (var layer = 0; layer < (layers ? classes.Count : 1); layer++)
                    Paint(shape, Layer(layer), width, SegmentationMask.Ignored, path);
            else if (shape.Label == BackgroundLabel && !layers)
                Paint(shape, values, width, 0, path);
        }
        return SegmentationMask.Owning(width, height, layers ? classes.Count : 0, values);

        Span<byte> Layer(int index) => values.AsSpan(index * pixels, pixels);
    }

    private static void Paint(Shape shape, Span<byte> target, int width, byte value, string path)
    {
        var p = shape.Points;
        if (p.Any(point => point.Length != 2 || !double.IsFinite(point[0]) || !double.IsFinite(point[1])))
            throw MaskErrors.Of(path, $"a point of a shape '{shape.Label}' is not an x and a y.");
        switch (shape.ShapeType ?? "polygon", p.Length)
        {
            case ("polygon", >= 3):
                PolygonFill.Polygon([.. p.SelectMany(point => point)], target, width, value);
                break;
            case ("rectangle", 2):
                var ((x0, y0), (x1, y1)) = ((p[0][0], p[0][1]), (p[1][0], p[1][1]));
                PolygonFill.Polygon([x0, y0, x1, y0, x1, y1, x0, y1], target, width, value);
                break;
            case ("circle", 2):
                PolygonFill.Disc(p[0][0], p[0][1], double.Hypot(p[1][0] - p[0][0], p[1][1] - p[0][1]), target, width, value);
                break;
            case ("mask", 2) when shape.Mask is not null:
                PaintPicture(shape, target, width, value, path);
                break;
            case var (type, count):
                throw MaskErrors.Of(
                    path,
                    $"a shape '{shape.Label}' of type {type} with {count} points has no area. Polygons of at least 3 points, rectangles, circles and masks have."
                );
        }
    }

    private static void PaintPicture(Shape shape, Span<byte> target, int width, byte value, string path)
    {
        var picture = MaskPicture.Read(Convert.FromBase64String(shape.Mask!));
        var (left, top) = ((int)Math.Round(shape.Points[0][0]), (int)Math.Round(shape.Points[0][1]));
        if (left < 0 || top < 0 || left + picture.Width > width || (top + picture.Height) * width > target.Length)
            throw MaskErrors.Of(path, $"the mask of a shape '{shape.Label}' at ({left}, {top}) reaches outside the image.");
        var binary = picture.ToBinary();
        for (var i = 0; i < binary.Length; i++)
            if (binary[i] != 0)
                target[(top + i / picture.Width) * width + left + i % picture.Width] = value;
    }

    private sealed record Shape(string Label, double[][] Points, string? Mask = null)
    {
        [System.Text.Json.Serialization.JsonPropertyName("shape_type")]
        public string? ShapeType { get; init; }
    }

    private sealed record Content(string? ImagePath, int? ImageWidth, int? ImageHeight, List<Shape> Shapes)
    {
        public static Content Read(string path)
        {
            try
            {
                using var stream = File.OpenRead(path);
                var content = JsonSerializer.Deserialize<Content>(stream, Json) ?? throw new JsonException("it is empty");
                return content.Shapes is null ? content with { ImagePath = null, Shapes = [] } : content;
            }
            catch (JsonException e)
            {
                throw new InvalidDataException($"'{path}' is no LabelMe file: {e.Message}", e);
            }
        }
    }
}
