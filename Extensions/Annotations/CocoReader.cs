namespace MLNetLosses.Data;

/// <summary>Reads COCO's JSON of instances: boxes of all images in one file.</summary>
internal static class CocoReader
{
    /// <summary>Reads a file. Classes are those that it declares, by ascending number.</summary>
    public static (List<AnnotatedImage> Images, string[] Classes) Read(string file, string imageFolder)
    {
        ImageFiles.Existing(file);
        ImageFiles.Folder(imageFolder);
        var document = CocoDocument.Read(file, shapes: false);
        var names = document.Categories.ToDictionary(category => category.Id, category => category.Name);
        var objects = (document.Annotations ?? []).ToLookup(
            annotation => annotation.ImageId,
            annotation => Object(file, annotation, names)
        );
        return (
            [.. document.Images.Select(image => Image(file, imageFolder, image, [.. objects[image.Id]]))],
            [.. document.Categories.OrderBy(category => category.Id).Select(category => category.Name)]
        );
    }

    private static AnnotatedObject Object(string file, CocoAnnotation annotation, Dictionary<long, string> names)
    {
        if (annotation.Bbox is not [var x, var y, var width, var height])
            throw new InvalidDataException(
                $"{file}, {annotation.Place}: its bbox holds {annotation.Bbox?.Length ?? 0} numbers; x, y, width and height are needed."
            );
        var name = names.GetValueOrDefault(annotation.CategoryId);
        return new(
            annotation.Place,
            name,
            name ?? $"category {annotation.CategoryId}",
            new(x, y, x + width, y + height),
            annotation.Iscrowd is 1
        )
        {
            Area = annotation.Area is null or (>= 0 and < double.PositiveInfinity)
                ? annotation.Area
                : throw new InvalidDataException(
                    FormattableString.Invariant(
                        $"{file}, {annotation.Place}: its area is {annotation.Area}; it must be a number of square pixels, 0 or more."
                    )
                ),
        };
    }

    private static AnnotatedImage Image(string file, string folder, CocoImage image, IReadOnlyList<AnnotatedObject> objects)
    {
        var path = ImageFiles.Find([folder], [image.FileName, Path.GetFileName(image.FileName)]);
        var size = image is { Width: > 0, Height: > 0 } ? (image.Width.Value, image.Height.Value) : ((double, double)?)null;
        return new($"{file}, image {image.Id}", path, Path.Combine(folder, image.FileName), size, objects);
    }
}
