namespace MLNetLosses.Masks;

/// <summary>Masks from COCO annotations of instances: all instances of a class are one.</summary>
internal sealed class CocoMasks
{
    private readonly string path;
    private readonly Dictionary<long, int> classes;
    private readonly bool layers;

    public CocoMasks(string path, IEnumerable<string>? classNames, bool layers)
    {
        (this.path, this.layers) = (path, layers);
        File = CocoFile.Read(path);
        var named = File.Categories.OrderBy(c => c.Id).GroupBy(c => c.Name).ToDictionary(g => g.Key, g => g.ToArray());
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
        var known = File.Categories.Select(c => c.Id).ToHashSet();
        Annotations = File.Annotations.ToLookup(a => a.ImageId);
        var images = File.Images.Select(image => image.Id).ToHashSet();
        foreach (var annotation in File.Annotations)
            if (!known.Contains(annotation.CategoryId))
                throw new InvalidDataException(
                    $"'{path}': annotation {annotation.Id} is of category {annotation.CategoryId}, which the file does not list."
                );
            else if (!images.Contains(annotation.ImageId))
                throw new InvalidDataException(
                    $"'{path}': annotation {annotation.Id} is of image {annotation.ImageId}, which the file does not list."
                );
    }

    public CocoFile File { get; }

    public string[] ClassNames { get; }

    private ILookup<long, CocoFile.Annotation> Annotations { get; }

    /// <summary>Paints the instances of an image, the largest first, so that small ones stay visible where classes do not have layers.</summary>
    public SegmentationMask Read(CocoFile.Image image)
    {
        var name = $"{path}', image '{image.FileName}";
        if (image.Width < 1 || image.Height < 1)
            throw MaskErrors.Of(name, $"its size is given as {image.Width} x {image.Height}.");
        var pixels = checked(image.Width * image.Height);
        var values = new byte[checked((layers ? classes.Values.Max() + 1 : 1) * pixels)];
        foreach (var annotation in Annotations[image.Id].OrderByDescending(a => a.Area))
        {
            if (annotation.Segmentation is not { } segment || !classes.TryGetValue(annotation.CategoryId, out var index))
                continue;
            try
            {
                segment.Paint(layers ? values.AsSpan(index * pixels, pixels) : values, image.Width, layers ? (byte)1 : (byte)(index + 1));
            }
            catch (FormatException e)
            {
                throw MaskErrors.Of(name, $"annotation {annotation.Id}: {e.Message}");
            }
        }
        return SegmentationMask.Owning(image.Width, image.Height, layers ? values.Length / pixels : 0, values);
    }
}
