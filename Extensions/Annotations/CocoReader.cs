using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetLosses.Data;

/// <summary>Reads COCO's JSON of instances: boxes of all images in one file.</summary>
internal static class CocoReader
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowReadingFromString,
    };

    private sealed record CocoFile(CocoImage[]? Images, CocoAnnotation[]? Annotations, CocoCategory[]? Categories);

    private sealed record CocoImage(long Id, string? FileName, double? Width, double? Height);

    private sealed record CocoAnnotation(long Id, long ImageId, long CategoryId, double[]? Bbox, int? Iscrowd);

    private sealed record CocoCategory(long Id, string? Name);

    /// <summary>Reads a file. Classes are those that it declares, by ascending number.</summary>
    public static (List<AnnotatedImage> Images, string[] Classes) Read(string file, string imageFolder)
    {
        ImageFiles.Existing(file);
        ImageFiles.Folder(imageFolder);
        var content = Parse(file);
        if (content.Images is not { Length: > 0 } images || content.Categories is not { } categories)
            throw new InvalidDataException($"{file} has no images or no categories: it is no COCO file of instances.");
        var names = new Dictionary<long, string>();
        foreach (var category in categories)
            if (category.Name is not { Length: > 0 } name || !names.TryAdd(category.Id, name))
                throw new InvalidDataException($"{file}: the category {category.Id} has no name, or there are two of this number.");
        var known = new HashSet<long>();
        foreach (var image in images)
            if (!known.Add(image.Id))
                throw new InvalidDataException($"{file}: there are two images of the number {image.Id}.");
        var objects = new Dictionary<long, List<AnnotatedObject>>();
        foreach (var annotation in content.Annotations ?? [])
        {
            var place = $"annotation {annotation.Id}";
            if (!known.Contains(annotation.ImageId))
                throw new InvalidDataException($"{file}, {place}: there is no image {annotation.ImageId}.");
            if (annotation.Bbox is not [var x, var y, var width, var height])
                throw new InvalidDataException(
                    $"{file}, {place}: its bbox holds {annotation.Bbox?.Length ?? 0} numbers; x, y, width and height are needed."
                );
            var name = names.GetValueOrDefault(annotation.CategoryId);
            if (!objects.TryGetValue(annotation.ImageId, out var list))
                objects.Add(annotation.ImageId, list = []);
            list.Add(
                new(place, name, name ?? $"category {annotation.CategoryId}", new(x, y, x + width, y + height), annotation.Iscrowd is 1)
            );
        }
        return (
            [.. images.Select(image => Image(file, imageFolder, image, objects.GetValueOrDefault(image.Id)))],
            [.. names.OrderBy(pair => pair.Key).Select(pair => pair.Value)]
        );
    }

    private static AnnotatedImage Image(string file, string folder, CocoImage image, List<AnnotatedObject>? objects)
    {
        if (string.IsNullOrEmpty(image.FileName))
            throw new InvalidDataException($"{file}: the image {image.Id} has no file_name.");
        var path = ImageFiles.Find([folder], [image.FileName, Path.GetFileName(image.FileName)]);
        var size = image is { Width: > 0, Height: > 0 } ? (image.Width.Value, image.Height.Value) : ((double, double)?)null;
        return new($"{file}, image {image.Id}", path, Path.Combine(folder, image.FileName), size, objects ?? []);
    }

    private static CocoFile Parse(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return JsonSerializer.Deserialize<CocoFile>(stream, Format) ?? new(null, null, null);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{file} is no COCO file of instances: {e.Message}", e);
        }
    }
}
