using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Data;

/// <summary>
/// Annotated images, one a row. Columns: <c>ImagePath</c> (text), <c>Label</c> (vector of text, the class of each object), <c>BoundingBoxes</c> (vector
/// of Single, x0 y0 x1 y1 of each object in pixels of the image as shown, right and bottom edges exclusive), <c>Ignored</c> (vector of Boolean, true for crowds and
/// difficult objects), <c>Area</c> (vector of Single, square pixels of each object: of its shape as COCO's annotations tell it, else of its box; by it
/// <c>EvaluateObjectDetection</c> tells small, medium and large objects apart). An image may have no object. <c>MapValueToKey("Label")</c> makes the keys that a trainer reads.
/// </summary>
public sealed class ObjectDetectionDataView : IDataView
{
    private readonly IDataView rows;

    internal ObjectDetectionDataView(IDataView rows, IReadOnlyList<string> classNames, AnnotationReport report) =>
        (this.rows, ClassNames, Report) = (rows, classNames, report);

    /// <summary>The known classes: in the order of their numbers where the annotations have some, else by name.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>What was found and repaired.</summary>
    public AnnotationReport Report { get; }

    /// <inheritdoc/>
    public bool CanShuffle => rows.CanShuffle;

    /// <inheritdoc/>
    public DataViewSchema Schema => rows.Schema;

    /// <inheritdoc/>
    public long? GetRowCount() => rows.GetRowCount();

    /// <inheritdoc/>
    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        rows.GetRowCursor(columnsNeeded, rand);

    /// <inheritdoc/>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        rows.GetRowCursorSet(columnsNeeded, n, rand);
}
