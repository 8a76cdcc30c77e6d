using System.Globalization;

namespace MLNetLosses.Data;

/// <summary>Reads YOLO's text files, one an image: lines of class number, centre, width and height as shares of the image's size.</summary>
internal static class YoloReader
{
    /// <summary>Reads the images of a folder or of a list.</summary>
    /// <param name="path">A folder of images (searched with its subfolders), or a file that names images.</param>
    /// <param name="classes">The classes by their numbers.</param>
    public static List<AnnotatedImage> Read(string path, IReadOnlyList<string> classes)
    {
        var images = Directory.Exists(path)
            ? Directory
                .EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Where(ImageFiles.IsImage)
                .Order(StringComparer.Ordinal)
                .ToArray()
            : [.. ImageFiles.Lines(ImageFiles.Existing(path)).Select(line => Listed(path, line.Text))];
        return images.Length == 0
            ? throw new InvalidDataException($"'{path}' holds no images. Name a folder of images, or a file that lists them.")
            : Ordered.Select(images, image => ReadOne(image, classes));
    }

    private static string Listed(string list, string image) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(list))!, image.StartsWith("./", StringComparison.Ordinal) ? image[2..] : image);

    /// <summary>The label file: in the folder "labels" beside the last folder "images" of the path, or beside the image.</summary>
    private static string? LabelFile(string image)
    {
        var stem = Path.ChangeExtension(image, ".txt");
        var separator = Path.DirectorySeparatorChar;
        var at = stem.LastIndexOf($"{separator}images{separator}", StringComparison.OrdinalIgnoreCase);
        string[] candidates = at < 0 ? [stem] : [stem[..at] + $"{separator}labels{separator}" + stem[(at + 8)..], stem];
        return candidates.FirstOrDefault(File.Exists);
    }

    private static AnnotatedImage ReadOne(string image, IReadOnlyList<string> classes)
    {
        // No file of labels: nothing is to be seen.
        if (LabelFile(image) is not { } file)
            return new(image, image, image, null, [], Shares: true);
        var objects = ImageFiles.Lines(file).Select(line => Object(file, line.Text, line.Number, classes)).ToArray();
        return new(file, image, image, null, objects, Shares: true);
    }

    private static AnnotatedObject Object(string file, string line, int number, IReadOnlyList<string> classes)
    {
        var place = $"line {number}";
        var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 5 && (words.Length < 7 || words.Length % 2 == 0))
            throw new InvalidDataException(
                $"{file}, {place}: '{Short(line)}' has {words.Length} numbers; class, x and y of the centre, width and height are needed (or a class and the x and y of at least 3 corners)."
            );
        if (!int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            throw new InvalidDataException($"{file}, {place}: the class '{words[0]}' is not a number from 0.");
        var numbers = words.Skip(1).Select(word => Number(file, place, word)).ToArray();
        var name = index < classes.Count ? classes[index] : null;
        return new(place, name, name ?? $"number {index} (there are {classes.Count} names)", Box(numbers), false);
    }

    private static AnnotationBox Box(double[] numbers)
    {
        if (numbers is [var x, var y, var width, var height])
            return new(x - width / 2, y - height / 2, x + width / 2, y + height / 2);
        var (columns, rows) = (numbers.Where((_, i) => i % 2 == 0).ToArray(), numbers.Where((_, i) => i % 2 == 1).ToArray());
        return new(columns.Min(), rows.Min(), columns.Max(), rows.Max());
    }

    private static double Number(string file, string place, string word) =>
        double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && Math.Abs(value) <= 100
            ? value
            : throw new InvalidDataException(
                $"{file}, {place}: '{word}' is not a share of the image's size, such as 0.25. Boxes in pixels are not YOLO's."
            );

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "...";
}
