using MLNetLosses.Data;

namespace MLNetLosses.Masks;

/// <summary>Masks from COCO annotations of instances: all instances of a class are one.</summary>
internal sealed class CocoMasks
{
    private readonly string path;
    private readonly Dictionary<long, int> classes;
    private readonly ILookup<long, CocoAnnotation> annotations;
    private readonly bool layers;

    public CocoMasks(string path, IEnumerable<string>? classNames, bool layers)
    {
        (this.path, this.layers) = (path, layers);
        var document = CocoDocument.Read(path, shapes: true);
        Images = document.Images;
        var named = document.Categories.OrderBy(c => c.Id).GroupBy(c => c.Name).ToDictionary(g => g.Key, g => g.ToArray());
        string[] names = classNames is null ? [.. named.Keys] : [.. classNames];
        if (names.FirstOrDefault(name => !named.ContainsKey(name)) is { } missing)
            throw new ArgumentException(
                $"'{path}' has no category '{missing}'; it has {string.Join(", ", named.Keys)}.",
                nameof(classNames)
            );
        if (names.Length is 0 or > 254)
            throw new ArgumentException($"'{path}' has {names.Length} categories; 1 to 254 can be classes. Name those that are wanted.");
        classes = names.SelectMany((name, i) => named[name].Select(c => (c.Id, i))).ToDictionary(p => p.Id, p => p.i);
        ClassNames = layers ? names : [MaskClasses.Background, .. names];
        if (document.Annotations is null)
            throw new InvalidDataException($"'{path}' has no annotations: its masks would all be empty.");
        annotations = document.Annotations.ToLookup(a => a.ImageId);
        var known = document.Categories.Select(c => c.Id).ToHashSet();
        if (document.Annotations.FirstOrDefault(a => !known.Contains(a.CategoryId)) is { } stranger)
            throw new InvalidDataException(
                $"'{path}': {stranger.Place} is of category {stranger.CategoryId}, which the file does not list."
            );
    }

    public IReadOnlyList<CocoImage> Images { get; }

    public string[] ClassNames { get; }

    /// <summary>Paints the instances of an image, the largest first, so that small ones stay visible where classes do not have layers.</summary>
    public SegmentationMask Read(CocoImage image)
    {
        var name = $"{path}', image '{image.FileName}";
        if (Length(image.Width) is not { } width || Length(image.Height) is not { } height)
            throw MaskErrors.Of(
                name,
                FormattableString.Invariant(
                    $"its size is given as {image.Width?.ToString() ?? "nothing"} x {image.Height?.ToString() ?? "nothing"}; whole numbers of at least 1 are needed."
                )
            );
        var pixels = checked(width * height);
        var values = new byte[checked((layers ? classes.Values.Max() + 1 : 1) * pixels)];
        foreach (var annotation in annotations[image.Id].OrderByDescending(a => a.Area))
        {
            if (annotation.Segmentation is not { } shape || !classes.TryGetValue(annotation.CategoryId, out var index))
                continue;
            try
            {
                Paint(shape, layers ? values.AsSpan(index * pixels, pixels) : values, width, layers ? (byte)1 : (byte)(index + 1));
            }
            catch (FormatException e)
            {
                throw MaskErrors.Of(name, $"{annotation.Place}: {e.Message}");
            }
        }
        return SegmentationMask.Owning(width, height, layers ? values.Length / pixels : 0, values);
    }

    private static int? Length(double? given) =>
        given is >= 1 and <= int.MaxValue and var length && length == Math.Floor(length) ? (int)length : null;

    /// <summary>Writes a value into [height, width].</summary>
    /// <exception cref="FormatException">The shape is none, or its runs are of another size.</exception>
    private static void Paint(CocoShape shape, Span<byte> target, int width, byte value)
    {
        foreach (var polygon in shape.Polygons ?? [])
        {
            if (polygon is not { Length: >= 6 } || polygon.Length % 2 != 0)
                throw new FormatException(
                    $"a polygon has {polygon?.Length ?? 0} numbers; an x and a y for each of at least 3 points are needed."
                );
            PolygonFill.Polygon(polygon, target, width, value);
        }
        if (shape.Polygons is not null)
            return;
        if (shape.Size is not [var rows, var columns])
            throw new FormatException("a run-length mask needs a size of [height, width].");
        if (columns != width || (long)rows * columns != target.Length)
            throw new FormatException($"the runs are of {columns} x {rows} pixels, the image is of {width} x {target.Length / width}.");
        IReadOnlyList<long> runs = shape.PackedRuns is { } packed ? RunLengths.Parse(packed) : shape.Runs ?? [];
        RunLengths.Paint(runs, target, width, value);
    }
}
