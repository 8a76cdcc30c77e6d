using Microsoft.ML.Data;
using MLNetLosses;
using MLNetLosses.Data;
using MLNetLosses.Masks;

namespace Microsoft.ML;

/// <summary>Loaders of images and masks for <c>mlContext.Data</c>, and what columns of masks know.</summary>
public static class SegmentationDataCatalog
{
    /// <summary>
    /// Lists a folder of images and masks of equal names. The columns are <c>ImagePath</c> and <c>MaskPath</c> (text) and <c>Mask</c>
    /// (<see cref="SegmentationMask"/>), which is read when it is asked for; nothing is read before, so that a folder may be larger than memory.
    /// </summary>
    /// <param name="catalog"><c>mlContext.Data</c>.</param>
    /// <param name="folder">
    /// Holds the folders of images and of masks, and perhaps <c>classes.txt</c>: the name of a class a line, and perhaps its colour as <c>#804080</c>.
    /// </param>
    /// <param name="format">
    /// How masks are understood. Null: by the colours or names of <c>classes.txt</c>; else a folder of folders is a mask a class, and files are class indices.
    /// </param>
    /// <param name="imageFolder">The folder of images within <paramref name="folder"/>.</param>
    /// <param name="maskFolder">The folder of masks within <paramref name="folder"/>.</param>
    /// <param name="ignoreIndex">A class index that masks may hold besides the classes of <c>classes.txt</c>, where no format is given.</param>
    /// <exception cref="DirectoryNotFoundException">A folder does not exist.</exception>
    /// <exception cref="InvalidDataException">There is no image, or an image without a mask, or <c>classes.txt</c> cannot be understood.</exception>
    public static IDataView LoadSegmentationFolder(
        this DataOperationsCatalog catalog,
        string folder,
        MaskFormat? format = null,
        string imageFolder = "images",
        string maskFolder = "masks",
        int? ignoreIndex = null
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var (rows, used) = SegmentationFolder.Read(folder, format, imageFolder, maskFolder, ignoreIndex);
        return MaskRows.Load(catalog, rows, used.ClassNames);
    }

    /// <summary>
    /// Reads COCO's annotations of instances, polygons and run lengths, crowds included. The columns are <c>ImagePath</c> (text) and <c>Mask</c>
    /// (<see cref="SegmentationMask"/>), which is painted when it is asked for: all instances of a class together.
    /// </summary>
    /// <param name="catalog"><c>mlContext.Data</c>.</param>
    /// <param name="annotationFile">The JSON file.</param>
    /// <param name="imageFolder">The folder that its file names are relative to.</param>
    /// <param name="classNames">The categories that are wanted, in the order of their classes; null: all, by their numbers.</param>
    /// <param name="layers">
    /// False: class indices, where 0 is the background, the first category is 1, and smaller instances lie over larger ones. True: a layer a category.
    /// </param>
    /// <exception cref="InvalidDataException">The file is no such JSON, or an annotation names what the file does not list.</exception>
    /// <exception cref="ArgumentException">There is no such category, or there are more than 254.</exception>
    public static IDataView LoadCocoSegmentation(
        this DataOperationsCatalog catalog,
        string annotationFile,
        string imageFolder,
        IEnumerable<string>? classNames = null,
        bool layers = false
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(annotationFile);
        ArgumentNullException.ThrowIfNull(imageFolder);
        var coco = new CocoMasks(annotationFile, classNames, layers);
        MaskRows.PaintedRow[] rows =
        [
            .. coco.Images.Select(image => new MaskRows.PaintedRow(
                Path.Combine(imageFolder, image.FileName),
                annotationFile,
                () => coco.Read(image)
            )),
        ];
        return MaskRows.Load(catalog, rows, coco.ClassNames);
    }

    /// <summary>
    /// Lists LabelMe's files: polygons, rectangles, circles and masks, later shapes over earlier ones. The columns are <c>ImagePath</c> (text) and <c>Mask</c>
    /// (<see cref="SegmentationMask"/>), which is painted when it is asked for. The label <c>_background_</c> paints class 0 where there are no layers, <c>__ignore__</c> paints
    /// <see cref="SegmentationMask.Ignored"/> (in all layers).
    /// </summary>
    /// <param name="catalog"><c>mlContext.Data</c>.</param>
    /// <param name="folder">The folder of JSON files; subfolders too.</param>
    /// <param name="classNames">The labels that are wanted, in the order of their classes; null: all, by name.</param>
    /// <param name="layers">False: class indices, where 0 is the background and the first label is 1. True: a layer a label.</param>
    /// <exception cref="InvalidDataException">There is no such file, or one cannot be understood.</exception>
    /// <exception cref="ArgumentException">There are no labels, or more than 254.</exception>
    public static IDataView LoadLabelMe(
        this DataOperationsCatalog catalog,
        string folder,
        IEnumerable<string>? classNames = null,
        bool layers = false
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var labelMe = new LabelMeMasks(folder, classNames, layers);
        MaskRows.PaintedRow[] rows =
        [
            .. labelMe.Files.Select(file => new MaskRows.PaintedRow(
                file.ImagePath,
                file.Path,
                () => labelMe.Read(file.Path, ImageSize.OfFile(file.ImagePath))
            )),
        ];
        return MaskRows.Load(catalog, rows, labelMe.ClassNames);
    }

    /// <summary>The names of the classes of a column of masks in the order of their indices or layers; null where the column does not say.</summary>
    /// <param name="column">A column of masks.</param>
    public static IReadOnlyList<string>? GetMaskClassNames(this DataViewSchema.Column column) => MaskClasses.Of(column);
}
