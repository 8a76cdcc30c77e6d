using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;

namespace Microsoft.ML;

/// <summary>Readers of annotated images for object detection, all into the columns that <see cref="ObjectDetectionDataView"/> describes.</summary>
public static class AnnotationCatalogExtensions
{
    /// <summary>
    /// Reads Pascal VOC: a folder with <c>Annotations</c> (XML files) and <c>JPEGImages</c> or <c>images</c>, or one folder with both. Objects that
    /// are marked difficult are ignored ones.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="listFile">
    /// A text file of identifiers, one a line, such as <c>train.txt</c>: by itself, in the folder, or in its <c>ImageSets/Main</c>. Null: all annotations.
    /// </param>
    /// <param name="options">How they are read. Default: whatever is wrong is refused.</param>
    /// <exception cref="InvalidDataException">Something is wrong that the options do not repair; the message names file, object and value.</exception>
    /// <exception cref="IOException">The folder or the list is missing, or a file cannot be read.</exception>
    public static ObjectDetectionDataView LoadPascalVoc(
        this DataOperationsCatalog catalog,
        string folder,
        string? listFile = null,
        AnnotationOptions? options = null
    )
    {
        options ??= new();
        var images = PascalVocReader.Read(folder, listFile, options);
        return Load(catalog, images, options.Classes, options, AnnotationOrientation.Upright);
    }

    /// <summary>Reads COCO's JSON of instances. Crowds are ignored objects.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="annotationFile">The file, such as <c>instances_train2017.json</c>.</param>
    /// <param name="imageFolder">The folder of the images.</param>
    /// <param name="options">How they are read. Default: whatever is wrong is refused.</param>
    /// <exception cref="InvalidDataException">Something is wrong that the options do not repair; the message names file, object and value.</exception>
    /// <exception cref="IOException">The file or the folder is missing, or a file cannot be read.</exception>
    public static ObjectDetectionDataView LoadCocoDetection(
        this DataOperationsCatalog catalog,
        string annotationFile,
        string imageFolder,
        AnnotationOptions? options = null
    )
    {
        options ??= new();
        var (images, classes) = CocoReader.Read(annotationFile, imageFolder);
        return Load(catalog, images, options.Classes ?? classes, options, AnnotationOrientation.Upright);
    }

    /// <summary>
    /// Reads YOLO's text files. The labels of <c>.../images/a.jpg</c> are <c>.../labels/a.txt</c>, or else <c>a.txt</c> beside the image; without one
    /// the image has no object. Of polygons the smallest box around is taken. Class names come from the options, or from <c>data.yaml</c>,
    /// <c>classes.txt</c> or a <c>*.names</c> file in the folder or above.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">A folder of images, with its subfolders, or a text file that names images, one a line.</param>
    /// <param name="options">How they are read. Default: whatever is wrong is refused.</param>
    /// <exception cref="InvalidDataException">Something is wrong that the options do not repair; the message names file, object and value.</exception>
    /// <exception cref="IOException">The folder or file is missing, or a file cannot be read.</exception>
    public static ObjectDetectionDataView LoadYolo(this DataOperationsCatalog catalog, string path, AnnotationOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options ??= new();
        if (!Directory.Exists(path))
            ImageFiles.Existing(path);
        var classes = options.Classes ?? YoloClassNames.Find(path);
        return Load(catalog, YoloReader.Read(path, classes), classes, options, AnnotationOrientation.Upright);
    }

    /// <summary>
    /// Reads what VoTT 2 exports: JSON of a project (what Model Builder reads), JSON of single images, or CSV. A region with several tags is as many objects.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">The exported file, or its folder.</param>
    /// <param name="imageFolder">The folder of the images. Null: beside the export, one folder above, or where VoTT saw them.</param>
    /// <param name="options">How they are read. Default: whatever is wrong is refused.</param>
    /// <exception cref="InvalidDataException">Something is wrong that the options do not repair; the message names file, object and value.</exception>
    /// <exception cref="IOException">The file or folder is missing, or a file cannot be read.</exception>
    public static ObjectDetectionDataView LoadVott(
        this DataOperationsCatalog catalog,
        string path,
        string? imageFolder = null,
        AnnotationOptions? options = null
    )
    {
        options ??= new();
        var (images, classes) = VottReader.Read(path, imageFolder);
        return Load(catalog, images, options.Classes ?? classes, options, AnnotationOrientation.Stored);
    }

    private static ObjectDetectionDataView Load(
        DataOperationsCatalog catalog,
        IReadOnlyList<AnnotatedImage> images,
        IReadOnlyList<string>? classes,
        AnnotationOptions options,
        AnnotationOrientation unclear
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        var checker = new AnnotationChecker(options, classes, unclear);
        var rows = checker.Rows(images);
        if (rows.Count == 0)
            throw new InvalidDataException(
                $"No image is left. {checker.Report} The first problem: {checker.Report.Examples.FirstOrDefault()}"
            );
        using var channel = environment.Start("Annotations");
        Hosts.Info(channel, checker.Report.ToString());
        if (checker.Report.HasRepairs)
            Hosts.Warning(channel, $"Annotations were repaired. The first: {checker.Report.Examples[0]}");
        var names = classes ?? [.. rows.SelectMany(row => row.Label).Distinct().Order(StringComparer.Ordinal)];
        return new(catalog.LoadFromEnumerable(rows), names, checker.Report);
    }
}
