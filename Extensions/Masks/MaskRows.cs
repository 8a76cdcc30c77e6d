using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Data;

namespace MLNetLosses.Masks;

/// <summary>Rows of images and masks; a mask is read when its value is asked for, each time.</summary>
internal static class MaskRows
{
    /// <summary>A row whose mask is read from a file.</summary>
    public sealed class FileRow(string imagePath, string maskPath, MaskFormat format)
    {
        public string ImagePath => imagePath;

        public string MaskPath => maskPath;

        [SegmentationMaskType]
        public SegmentationMask Mask => Checked(format.Read(maskPath), maskPath, imagePath);
    }

    /// <summary>A row whose mask is painted from annotations.</summary>
    public sealed class PaintedRow(string imagePath, string name, Func<SegmentationMask> paint)
    {
        public string ImagePath => imagePath;

        [SegmentationMaskType]
        public SegmentationMask Mask => Checked(paint(), name, imagePath);
    }

    /// <summary>The rows as data, with the names of the classes at the column of masks.</summary>
    public static IDataView Load<TRow>(DataOperationsCatalog catalog, IReadOnlyList<TRow> rows, IReadOnlyList<string>? classNames)
        where TRow : class
    {
        var schema = SchemaDefinition.Create(typeof(TRow), SchemaDefinition.Direction.Read);
        if (classNames is { Count: > 0 })
            schema[nameof(FileRow.Mask)]
                .AddAnnotation(
                    MaskClasses.Kind,
                    MaskClasses.Buffer(classNames),
                    new VectorDataViewType(TextDataViewType.Instance, classNames.Count)
                );
        return catalog.LoadFromEnumerable(rows, schema);
    }

    /// <summary>The mask, if it is of its image's size.</summary>
    /// <exception cref="InvalidDataException">It is not; names both.</exception>
    private static SegmentationMask Checked(SegmentationMask mask, string name, string imagePath)
    {
        var (width, height) = ImageSize.OfFile(imagePath);
        return mask.Width == width && mask.Height == height
            ? mask
            : throw MaskErrors.Of(
                name,
                $"it has {mask.Width} x {mask.Height} pixels, but its image '{imagePath}' has {width} x {height}. Make the mask anew from the image as it is seen."
            );
    }
}
