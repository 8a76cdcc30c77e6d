using System.Text.Json;
using Microsoft.ML;
using MLNetLosses.Data;

namespace MLNetLosses.Samples;

/// <summary>Annotated images in whatever format a folder or a file holds: Pascal VOC, COCO, YOLO or VoTT.</summary>
public static class AnnotatedImages
{
    /// <summary>The part of a data set.</summary>
    public enum Part
    {
        /// <summary>Images to train on.</summary>
        Train,

        /// <summary>Images to validate on.</summary>
        Validation,

        /// <summary>Images to test on.</summary>
        Test,
    }

    /// <summary>Finds out the format and reads the annotations.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="path">
    /// A folder of Pascal VOC (whose <c>train.txt</c>, <c>val.txt</c> or <c>test.txt</c> is taken where there is one), COCO, YOLO (whose <c>images/train</c>, ... is
    /// taken) or VoTT; or a file: COCO's or VoTT's JSON, VoTT's CSV, or YOLO's list of images.
    /// </param>
    /// <param name="part">Which part.</param>
    /// <param name="options">How annotations are read.</param>
    /// <exception cref="IOException">There is no such folder or file.</exception>
    /// <exception cref="InvalidDataException">No format is recognised, or something is wrong in the annotations.</exception>
    public static ObjectDetectionDataView Load(MLContext mlContext, string path, Part part, AnnotationOptions options)
    {
        if (File.Exists(path))
            return LoadFile(mlContext, path, Path.GetDirectoryName(Path.GetFullPath(path))!, part, options);
        if (!Directory.Exists(path))
            throw new DirectoryNotFoundException($"There is no folder or file '{path}'.");
        if (Has(path, "*.xml") || Has(Path.Combine(path, "Annotations"), "*.xml"))
            return mlContext.Data.LoadPascalVoc(path, OwnPart(path, part, VocList), options);
        if (Has(path, "*-export.json") || Has(path, "*-export.csv") || Has(path, "*-asset.json"))
            return mlContext.Data.LoadVott(path, null, options);
        if (CocoFile(path, part) is { } file)
            return LoadFile(mlContext, file, path, part, options);
        if ((OwnPart(path, part, YoloPart) ?? YoloFolder(path)) is { } images)
            return mlContext.Data.LoadYolo(images, options);
        throw new InvalidDataException(
            $"'{path}' holds no annotations that are known: Pascal VOC (Annotations/*.xml), COCO (annotations/*.json), YOLO (images/ and labels/*.txt) or VoTT (*-export.json, *-export.csv)."
        );
    }

    /// <summary>Whether a folder has a part of its own, so that it may serve as several sets.</summary>
    /// <param name="path">A folder.</param>
    /// <param name="part">The part.</param>
    public static bool HasPart(string path, Part part) =>
        Directory.Exists(path) && (VocList(path, part) is not null || YoloPart(path, part) is not null);

    private static ObjectDetectionDataView LoadFile(MLContext mlContext, string file, string folder, Part part, AnnotationOptions options)
    {
        if (Path.GetExtension(file).Equals(".txt", StringComparison.OrdinalIgnoreCase))
            return mlContext.Data.LoadYolo(file, options);
        if (Path.GetExtension(file).Equals(".csv", StringComparison.OrdinalIgnoreCase) || !IsCoco(file))
            return mlContext.Data.LoadVott(file, null, options);
        string[] folders =
        [
            .. Names(part).Select(name => Path.Combine(folder, "images", name)),
            .. Names(part).Select(name => Path.Combine(folder, name)),
            Path.Combine(folder, "images"),
            folder,
        ];
        return mlContext.Data.LoadCocoDetection(file, folders.First(Directory.Exists), options);
    }

    private static string[] Names(Part part) =>
        part switch
        {
            Part.Train => ["train", "train2017"],
            Part.Validation => ["val", "valid", "validation", "val2017"],
            _ => ["test"],
        };

    private static string? VocList(string path, Part part) =>
        Names(part)
            .SelectMany(name => new[] { Path.Combine(path, name + ".txt"), Path.Combine(path, "ImageSets", "Main", name + ".txt") })
            .FirstOrDefault(File.Exists);

    private static string? CocoFile(string path, Part part)
    {
        string[] files =
        [
            .. new[] { Path.Combine(path, "annotations"), path }
                .Where(Directory.Exists)
                .SelectMany(folder => Directory.EnumerateFiles(folder, "*.json")),
        ];
        string[] coco = [.. files.Order(StringComparer.Ordinal).Where(IsCoco)];
        return coco.FirstOrDefault(file => IsNamed(file, part))
            ?? coco.FirstOrDefault(file => !Enum.GetValues<Part>().Any(other => IsNamed(file, other)));
    }

    private static bool IsNamed(string file, Part part) =>
        Names(part).Any(name => Path.GetFileName(file).Contains(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>COCO's file has images at its top; it is looked for in the first part, since files are large.</summary>
    private static bool IsCoco(string file)
    {
        var start = new byte[1 << 16];
        using var stream = File.OpenRead(file);
        var reader = new Utf8JsonReader(
            start.AsSpan(0, stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)),
            isFinalBlock: false,
            default
        );
        try
        {
            while (reader.Read())
                if (reader is { CurrentDepth: 1, TokenType: JsonTokenType.PropertyName })
                {
                    if (reader.ValueTextEquals("assets") || reader.ValueTextEquals("asset") || reader.ValueTextEquals("frames"))
                        return false;
                    if (reader.ValueTextEquals("images") || reader.ValueTextEquals("annotations") || reader.ValueTextEquals("categories"))
                        return true;
                }
        }
        catch (JsonException)
        {
            return false;
        }
        return false;
    }

    private static string? YoloPart(string path, Part part) =>
        Names(part)
            .SelectMany(name => new[] { Path.Combine(path, "images", name), Path.Combine(path, name, "images") })
            .FirstOrDefault(Directory.Exists);

    private static string? YoloFolder(string path) =>
        Path.Combine(path, "images") is var images && Directory.Exists(images) ? images
        : Has(path, "*.txt") ? path
        : null;

    /// <summary>The part, or null where the data are not divided: a whole that has other parts would let a test see images that were trained on.</summary>
    private static string? OwnPart(string path, Part part, Func<string, Part, string?> find) =>
        find(path, part)
        ?? (
            Enum.GetValues<Part>().Select(other => find(path, other)).FirstOrDefault(found => found is not null) is { } other
                ? throw new InvalidDataException(
                    $"'{path}' is divided into parts ({Path.GetFileName(other)}), but has none named {string.Join(", ", Names(part))}."
                )
                : null
        );

    private static bool Has(string folder, string pattern) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, pattern).Any();
}
