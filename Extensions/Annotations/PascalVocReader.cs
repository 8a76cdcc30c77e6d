using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace MLNetLosses.Data;

/// <summary>Reads the XML files of Pascal VOC, one an image.</summary>
internal static partial class PascalVocReader
{
    /// <summary>Reads the annotations of a folder, or those that a list names.</summary>
    public static List<AnnotatedImage> Read(string folder, string? listFile, AnnotationOptions options)
    {
        ImageFiles.Folder(folder);
        var annotations = Path.Combine(folder, "Annotations") is var inside && Directory.Exists(inside) ? inside : folder;
        string[] images = [.. new[] { "JPEGImages", "images", "." }.Select(name => Path.Combine(folder, name)).Where(Directory.Exists)];
        var entries = listFile is null
            ? Directory
                .EnumerateFiles(annotations, "*.xml")
                .Order(StringComparer.Ordinal)
                .Select(file => (Id: Path.GetFileNameWithoutExtension(file), Place: file))
                .ToArray()
            : [.. ImageFiles.Lines(ListFile(folder, listFile)).Select(line => (Id(line.Text), $"{listFile}, line {line.Number}"))];
        if (entries.Length == 0)
            throw new InvalidDataException(
                listFile is null
                    ? $"There is no annotation (*.xml) in '{annotations}'. Name the folder that holds Annotations and JPEGImages."
                    : $"The list '{listFile}' names no image."
            );
        return Ordered.Select(entries, entry => ReadOne(annotations, images, entry.Id, entry.Place, options));
    }

    private static string ListFile(string folder, string listFile)
    {
        string[] candidates = [listFile, Path.Combine(folder, listFile), Path.Combine(folder, "ImageSets", "Main", listFile)];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException(
                $"There is no list '{listFile}', neither by itself, nor in '{folder}', nor in its ImageSets/Main.",
                listFile
            );
    }

    /// <summary>A line holds an identifier, and in lists of one class whether the class occurs.</summary>
    private static string Id(string line) => ImageFiles.Stem(ClassFlag().Replace(line, ""));

    private static AnnotatedImage ReadOne(string annotations, string[] images, string id, string place, AnnotationOptions options)
    {
        var file = Path.Combine(annotations, id + ".xml");
        if (!File.Exists(file))
            return new(place, null, id, null, []) { Missing = $"there is no annotation '{file}'." };
        XElement root;
        try
        {
            root = XDocument.Load(file, LoadOptions.SetLineInfo).Root!;
        }
        catch (XmlException e)
        {
            throw new InvalidDataException($"{file} is no XML file: {e.Message}", e);
        }
        var told = root.Element("filename")?.Value.Trim() ?? "";
        var extension = Path.GetExtension(told);
        string[] names =
        [
            id + extension,
            .. told.Length > 0 ? [Path.GetFileName(told)] : Array.Empty<string>(),
            .. ImageFiles.WithExtensions(id),
        ];
        var path = ImageFiles.Find(images, names.Where(ImageFiles.IsImage));
        var objects = root.Elements("object").Select((element, index) => Object(file, element, index, options)).ToArray();
        return new(file, path, ImageFiles.IsImage(told) ? Path.GetFileName(told) : id, Size(root), objects);
    }

    private static AnnotatedObject Object(string file, XElement element, int index, AnnotationOptions options)
    {
        var place = $"object {index + 1} (line {((IXmlLineInfo)element).LineNumber})";
        var name = element.Element("name")?.Value.Trim();
        if (string.IsNullOrEmpty(name))
            throw new InvalidDataException($"{file}, {place}: it has no <name>, which tells its class.");
        var box =
            element.Element("bndbox")
            ?? throw new InvalidDataException($"{file}, {place} ('{name}'): it has no <bndbox> with xmin, ymin, xmax and ymax.");
        var first = options.OneBasedPixels ? 1 : 0;
        return new(
            place,
            name,
            name,
            new(Edge("xmin") - first, Edge("ymin") - first, Edge("xmax"), Edge("ymax")),
            element.Element("difficult")?.Value.Trim() is "1" or "true"
        );

        double Edge(string edge) =>
            box.Element(edge)?.Value is { } text
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && double.IsFinite(value)
                ? value
                : throw new InvalidDataException(
                    $"{file}, {place} ('{name}'): <{edge}> is '{box.Element(edge)?.Value}'; it must be a number of pixels."
                );
    }

    private static (double, double)? Size(XElement root) =>
        root.Element("size") is { } size
        && double.TryParse(size.Element("width")?.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var width)
        && double.TryParse(size.Element("height")?.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var height)
        && width > 0
        && height > 0
            ? (width, height)
            : null;

    [GeneratedRegex(@"\s+(-1|0|1)$")]
    private static partial Regex ClassFlag();
}

/// <summary>Work on many items by several threads, results and the first failure in their order.</summary>
internal static class Ordered
{
    public static List<TResult> Select<TItem, TResult>(IReadOnlyList<TItem> items, Func<TItem, TResult> read)
    {
        var results = new (TResult? Value, Exception? Failure)[items.Count];
        Parallel.For(
            0,
            items.Count,
            i =>
            {
                try
                {
                    results[i] = (read(items[i]), null);
                }
                catch (Exception e)
                {
                    results[i] = (default, e);
                }
            }
        );
        if (results.FirstOrDefault(result => result.Failure is not null).Failure is { } first)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        return [.. results.Select(result => result.Value!)];
    }
}
