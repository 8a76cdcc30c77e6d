using MLNetLosses;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms of masks for <c>mlContext.Transforms</c>.</summary>
public static class SegmentationTransformsCatalog
{
    /// <summary>Reads masks from files, as <c>LoadImages</c> reads images.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The column to make, of type <see cref="SegmentationMask"/>.</param>
    /// <param name="imageFolder">The folder that paths are relative to; null or empty: none.</param>
    /// <param name="inputColumnName">The column of paths; null: of the same name as the output. An empty path gives no mask.</param>
    /// <param name="format">How files are understood; null: class indices.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <exception cref="InvalidDataException">While rows are read: a file is not as the format says; names file, pixel and value.</exception>
    /// <exception cref="MLNetLosses.Data.ImageDecodeException">While rows are read: a file is missing or damaged.</exception>
    public static IEstimator<ITransformer> LoadSegmentationMask(
        this TransformsCatalog catalog,
        string outputColumnName,
        string? imageFolder = null,
        string? inputColumnName = null,
        MaskFormat? format = null
    ) =>
        Make(
            catalog,
            new LoadMask(
                Name(outputColumnName),
                Name(inputColumnName ?? outputColumnName),
                imageFolder ?? "",
                format ?? MaskFormat.Indices()
            )
        );

    /// <summary>Paints masks in colours, as pictures for people.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The column to make, of type <see cref="Data.MLImage"/>, of the masks' sizes.</param>
    /// <param name="inputColumnName">The column of masks, or of paths of masks of class indices.</param>
    /// <param name="colors">
    /// The colours of the classes, such as <c>#804080</c>; null, and for further classes: Pascal VOC's, in which class 0 is black. Of masks of layers the first
    /// colour is the ground's and the layer 0 has the second.
    /// </param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <exception cref="FormatException">A text is no colour.</exception>
    public static IEstimator<ITransformer> ConvertMaskToImage(
        this TransformsCatalog catalog,
        string outputColumnName,
        string inputColumnName = "PredictedLabel",
        IEnumerable<string>? colors = null
    ) => Make(catalog, new MaskToImage(Name(outputColumnName), Name(inputColumnName), Palette(colors)));

    /// <summary>
    /// Finds the connected regions of each class; pixels that touch at a corner are connected. Makes four columns that begin with the given name, the largest
    /// region first: <c>Count</c> (Int32), <c>Class</c> (a vector of Int32: class index or layer), <c>BoundingBoxes</c> (a vector of Single: x0 y0 x1 y1 of each
    /// region in pixels, the last two behind the last pixel) and <c>Area</c> (a vector of Int32: pixels).
    /// </summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">What the columns' names begin with.</param>
    /// <param name="inputColumnName">The column of masks, or of paths of masks of class indices.</param>
    /// <param name="background">The class index that makes no regions; null: every class does. Masks of layers have no background.</param>
    /// <param name="minimumArea">Smaller regions are left out: 1 or more pixels.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The area is below 1, or the background not in 0 to 255.</exception>
    public static IEstimator<ITransformer> FindMaskRegions(
        this TransformsCatalog catalog,
        string outputColumnName = "Regions",
        string inputColumnName = "PredictedLabel",
        int? background = 0,
        int minimumArea = 1
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minimumArea, 1);
        if (background is not (null or (>= 0 and <= 255)))
            throw new ArgumentOutOfRangeException(nameof(background), background, "Class indices are 0 to 255.");
        return Make(catalog, new FindRegions(Name(outputColumnName), Name(inputColumnName), background, minimumArea));
    }

    private static RowEstimator<T> Make<T>(TransformsCatalog catalog, T settings)
        where T : class, IRowTransform<T> => new(Hosts.EnvironmentOf(catalog), settings);

    private static string Name(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return name;
    }

    internal static ValueList<string>? Palette(IEnumerable<string>? colors)
    {
        ValueList<string>? list = colors is null ? null : [.. colors];
        MaskPalette.Of(list);
        return list;
    }
}
