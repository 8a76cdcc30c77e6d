using Microsoft.ML.Data;
using MLNetLosses;
using MLNetLosses.Interop;
using MLNetLosses.Masks;

namespace Microsoft.ML;

public sealed partial class ImageSegmentationCatalog
{
    /// <summary>
    /// Compares predicted masks with true ones, in one pass; only sums are kept. All pixels of all images make one matrix: averaging intersection over union
    /// image by image gives other numbers. Masks of layers are compared layer by layer.
    /// </summary>
    /// <param name="data">Scored data, an image a row.</param>
    /// <param name="labelColumnName">
    /// The true masks: <see cref="SegmentationMask"/>, or text, the path of a picture of class indices.
    /// </param>
    /// <param name="predictedMaskColumnName">The predicted masks, of the same sizes.</param>
    /// <param name="ignoreIndex">
    /// Pixels with this true class are left out; those of 255 are anyway. Null (the default): what the model that predicted the masks was trained to ignore, which
    /// their column says; 255 leaves out nothing else.
    /// </param>
    /// <param name="boundaryTolerance">
    /// Asks for <see cref="SegmentationMetrics.Surfaces"/>, boundary F1, surface Dice and distances of edges: up to which distance edges count as the same,
    /// 0 or more, in pixels, or in the unit of the spacings. Null (the default): not computed, which is faster.
    /// </param>
    /// <param name="rowSpacing">The distance from row to row, above 0.</param>
    /// <param name="columnSpacing">The distance from column to column, above 0.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentException">
    /// A column is missing or of another type; masks of a row differ in size or kind, or hold an index that is no class (the message names row and pixel, and
    /// the file where the data have its path as <c>MaskPath</c> or <c>ImagePath</c>).
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The tolerance or a spacing is out of range.</exception>
    public SegmentationMetrics Evaluate(
        IDataView data,
        string labelColumnName = "Mask",
        string predictedMaskColumnName = "PredictedLabel",
        int? ignoreIndex = null,
        double? boundaryTolerance = null,
        double rowSpacing = 1,
        double columnSpacing = 1
    )
    {
        ArgumentNullException.ThrowIfNull(data);
        if (boundaryTolerance is { } tolerance && !(tolerance >= 0 && double.IsFinite(tolerance)))
            throw new ArgumentOutOfRangeException(nameof(boundaryTolerance), boundaryTolerance, "It must be 0 or more, and finite.");
        foreach (var (spacing, name) in new[] { (rowSpacing, nameof(rowSpacing)), (columnSpacing, nameof(columnSpacing)) })
            if (!(spacing > 0 && double.IsFinite(spacing)))
                throw new ArgumentOutOfRangeException(name, spacing, "It must be above 0, and finite.");
        var label = MaskColumn.Find(data.Schema, labelColumnName, "true masks", environment);
        var predicted = MaskColumn.Find(data.Schema, predictedMaskColumnName, "predicted masks", environment);
        var evaluator = new SegmentationEvaluator(
            predicted.ClassNames ?? label.ClassNames,
            ignoreIndex ?? predicted.IgnoreIndex,
            boundaryTolerance,
            (rowSpacing, columnSpacing)
        );
        var file = FileColumn(data.Schema, label.Column);
        using var cursor = data.GetRowCursor([
            label.Column,
            predicted.Column,
            .. file is { } column ? [column] : Array.Empty<DataViewSchema.Column>(),
        ]);
        var (readLabel, readPredicted) = (label.CreateReader(cursor), predicted.CreateReader(cursor));
        while (cursor.MoveNext())
        {
            Hosts.CheckAlive(environment);
            try
            {
                evaluator.Add(
                    readPredicted() ?? throw new ArgumentException($"It has no mask in the column '{predictedMaskColumnName}'."),
                    readLabel() ?? throw new ArgumentException($"It has no mask in the column '{labelColumnName}'.")
                );
            }
            catch (ArgumentException e)
            {
                throw new ArgumentException(
                    $"Row {cursor.Position}{Named(cursor, file)} cannot be evaluated (columns '{labelColumnName}' and '{predictedMaskColumnName}'). {e.Message}",
                    e
                );
            }
        }
        return evaluator.Metrics();
    }

    /// <summary>The column that tells the file of a mask, or of its image; null where there is none of the names that the loaders give.</summary>
    private static DataViewSchema.Column? FileColumn(DataViewSchema schema, DataViewSchema.Column label) =>
        new[] { label, schema.GetColumnOrNull("MaskPath"), schema.GetColumnOrNull("ImagePath") }.FirstOrDefault(column =>
            column?.Type is TextDataViewType
        );

    private static string Named(DataViewRow row, DataViewSchema.Column? file)
    {
        if (file is not { } column)
            return "";
        ReadOnlyMemory<char> path = default;
        row.GetGetter<ReadOnlyMemory<char>>(column)(ref path);
        return $" ('{path}')";
    }

    /// <summary>
    /// Trains on all folds of the data but one, evaluates on that one, and so for every fold.
    /// </summary>
    /// <param name="data">The data, an image a row.</param>
    /// <param name="estimator">The pipeline with its trainer.</param>
    /// <param name="numberOfFolds">2 or more.</param>
    /// <param name="labelColumnName">The true masks.</param>
    /// <param name="predictedMaskColumnName">The predicted masks.</param>
    /// <param name="ignoreIndex">As in <see cref="Evaluate"/>.</param>
    /// <param name="boundaryTolerance">As in <see cref="Evaluate"/>.</param>
    /// <param name="samplingKeyColumnName">Rows with the same value of this column are in the same fold; null: each row by itself.</param>
    /// <param name="seed">Decides which rows are in which fold; null: the context's.</param>
    /// <returns>Of each fold the model, its metrics, and the scored fold.</returns>
    /// <exception cref="ArgumentException">As in <see cref="Evaluate"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 2 folds.</exception>
    public IReadOnlyList<TrainCatalogBase.CrossValidationResult<SegmentationMetrics>> CrossValidate(
        IDataView data,
        IEstimator<ITransformer> estimator,
        int numberOfFolds = 5,
        string labelColumnName = "Mask",
        string predictedMaskColumnName = "PredictedLabel",
        int? ignoreIndex = null,
        double? boundaryTolerance = null,
        string? samplingKeyColumnName = null,
        int? seed = null
    )
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(estimator);
        ArgumentOutOfRangeException.ThrowIfLessThan(numberOfFolds, 2);
        var folds = environment.Data.CrossValidationSplit(data, numberOfFolds, samplingKeyColumnName, seed);
        return
        [
            .. folds.Select(
                (fold, i) =>
                {
                    var model = estimator.Fit(fold.TrainSet);
                    var scored = model.Transform(fold.TestSet);
                    var metrics = Evaluate(scored, labelColumnName, predictedMaskColumnName, ignoreIndex, boundaryTolerance);
                    return CrossValidation.Result(model, metrics, scored, i);
                }
            ),
        ];
    }
}
