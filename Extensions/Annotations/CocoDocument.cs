using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetLosses.Data;

/// <summary>A file of COCO annotations of instances, as it is written: images, categories, and objects by their numbers.</summary>
internal sealed class CocoDocument
{
    private static readonly JsonSerializerOptions WithoutShapes = Options(new SkippedCocoShape());
    private static readonly JsonSerializerOptions WithShapes = Options(new CocoShapeConverter());

    private CocoDocument(string path, CocoImage[] images, CocoAnnotation[]? annotations, CocoCategory[] categories) =>
        (Path, Images, Annotations, Categories) = (path, images, annotations, categories);

    public string Path { get; }

    public IReadOnlyList<CocoImage> Images { get; }

    /// <summary>The objects; null where the file does not speak of any.</summary>
    public IReadOnlyList<CocoAnnotation>? Annotations { get; }

    public IReadOnlyList<CocoCategory> Categories { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shapes">Whether the shapes of objects are read: most of the file, and not needed for boxes.</param>
    /// <exception cref="InvalidDataException">
    /// It is no such JSON; an image has no file; images or categories share a number; or an annotation names an image that the file does not list.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static CocoDocument Read(string path, bool shapes)
    {
        var content = Parse(ImageFiles.Existing(path), shapes ? WithShapes : WithoutShapes);
        if (content?.Images is not { Length: > 0 } images || content.Categories is not { } categories)
            throw new InvalidDataException($"{path} has no images or no categories: it is no COCO file of instances.");
        var names = new HashSet<long>();
        foreach (var category in categories)
            if (string.IsNullOrEmpty(category.Name) || !names.Add(category.Id))
                throw new InvalidDataException($"{path}: the category {category.Id} has no name, or there are two of this number.");
        var known = new HashSet<long>();
        foreach (var image in images)
            if (string.IsNullOrEmpty(image.FileName))
                throw new InvalidDataException($"{path}: the image {image.Id} has no file_name.");
            else if (!known.Add(image.Id))
                throw new InvalidDataException($"{path}: there are two images of the number {image.Id}.");
        foreach (var annotation in content.Annotations ?? [])
            if (!known.Contains(annotation.ImageId))
                throw new InvalidDataException($"{path}, {annotation.Place}: there is no image {annotation.ImageId}.");
        return new(path, images, content.Annotations, categories);
    }

    private static Content? Parse(string path, JsonSerializerOptions options)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<Content>(stream, options);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new InvalidDataException($"{path} is no COCO file of instances: {e.Message}", e);
        }
    }

    private static JsonSerializerOptions Options(JsonConverter<CocoShape> shapes) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            NumberHandling = JsonNumberHandling.AllowReadingFromString,
            Converters = { shapes },
        };

    private sealed record Content(CocoImage[]? Images, CocoAnnotation[]? Annotations, CocoCategory[]? Categories);
}

/// <summary>An image of a COCO file; some files do not tell its size.</summary>
internal sealed record CocoImage(long Id, string FileName, double? Width, double? Height);

/// <summary>A class of a COCO file.</summary>
internal sealed record CocoCategory(long Id, string Name);

/// <summary>An object of a COCO file; what is null it does not tell.</summary>
/// <param name="Id">Its number.</param>
/// <param name="ImageId">The number of its image.</param>
/// <param name="CategoryId">The number of its category.</param>
/// <param name="Bbox">x, y, width, height.</param>
/// <param name="Iscrowd">1: many objects in one.</param>
/// <param name="Area">Pixels of its shape.</param>
/// <param name="Segmentation">Its shape.</param>
internal sealed record CocoAnnotation(
    long Id,
    long ImageId,
    long CategoryId,
    double[]? Bbox,
    int? Iscrowd,
    double? Area,
    CocoShape? Segmentation
)
{
    /// <summary>What messages call it.</summary>
    [JsonIgnore]
    public string Place => $"annotation {Id}";
}
