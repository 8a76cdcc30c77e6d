using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses;
using MLNetLosses.Interop;

namespace Microsoft.ML;

/// <summary>Evaluation of object detection, which ML.NET's catalogs lack.</summary>
public static class ObjectDetectionEvaluationExtensions
{
    /// <summary>
    /// Evaluates scored object detection data by the rules of COCO. One pass over the data. Classes are told apart by their names, so the labels may
    /// be keys and the predicted labels text, or the other way round. Score with a low threshold (0.05 is usual): what a detector leaves out is missing from
    /// the curves.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="data">Scored data, an image a row.</param>
    /// <param name="labelColumnName">Column of the true classes: a vector of keys or text.</param>
    /// <param name="boundingBoxColumnName">Column of the true boxes: a vector of Single, x0 y0 x1 y1 of each object.</param>
    /// <param name="predictedLabelColumnName">Column of the predicted classes: a vector of keys or text.</param>
    /// <param name="predictedBoundingBoxColumnName">Column of the predicted boxes: a vector of Single, x0 y0 x1 y1 of each.</param>
    /// <param name="scoreColumnName">Column of the scores: a vector of Single, one a predicted box.</param>
    /// <param name="ignoredColumnName">
    /// Column of objects that need not be found and whose detections are no mistakes (crowds, difficult objects): a vector of Boolean, one an object.
    /// Used where the data have it; null: not used.
    /// </param>
    /// <param name="areaColumnName">
    /// Column of the areas in square pixels by which small, medium and large objects are told apart, in COCO those of their masks: a vector of Single, one an object. Used
    /// where the data have it; null: the areas of the boxes.
    /// </param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentException">
    /// A column is missing or of another type, or the vectors of a row do not fit each other or hold what is no box or class; the message names the row.
    /// </exception>
    public static ObjectDetectionMetrics EvaluateObjectDetection(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string boundingBoxColumnName = "BoundingBoxes",
        string predictedLabelColumnName = "PredictedLabel",
        string predictedBoundingBoxColumnName = "PredictedBoundingBoxes",
        string scoreColumnName = "Score",
        string? ignoredColumnName = "Ignored",
        string? areaColumnName = "Area"
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        ArgumentNullException.ThrowIfNull(data);
        var schema = data.Schema;
        var label = ClassVectorColumn.Find(schema, labelColumnName, "true classes", environment);
        var boxes = VectorColumns.Find<float>(schema, boundingBoxColumnName, "true boxes", environment);
        var predicted = ClassVectorColumn.Find(schema, predictedLabelColumnName, "predicted classes", environment);
        var found = VectorColumns.Find<float>(schema, predictedBoundingBoxColumnName, "predicted boxes", environment);
        var score = VectorColumns.Find<float>(schema, scoreColumnName, "scores", environment);
        var ignored = Optional<bool>(ignoredColumnName, "ignored objects");
        var area = Optional<float>(areaColumnName, "areas of objects");

        var evaluator = new ObjectDetectionEvaluator(label.Names ?? predicted.Names ?? []);
        var indices = evaluator.ClassNames.Select((name, index) => (name, index)).ToDictionary(pair => pair.name, pair => pair.index);
        DataViewSchema.Column[] columns =
        [
            label.Column,
            boxes,
            predicted.Column,
            found,
            score,
            .. new[] { ignored, area }.OfType<DataViewSchema.Column>(),
        ];
        using var cursor = data.GetRowCursor(columns.DistinctBy(column => column.Index));
        var (readLabel, readPredicted) = (label.CreateReader(cursor), predicted.CreateReader(cursor));
        var (readBoxes, readFound) = (VectorColumns.CreateReader<float>(cursor, boxes), VectorColumns.CreateReader<float>(cursor, found));
        var readScore = VectorColumns.CreateReader<float>(cursor, score);
        var readIgnored = ignored is { } flags ? VectorColumns.CreateReader<bool>(cursor, flags) : null;
        var readArea = area is { } areas ? VectorColumns.CreateReader<float>(cursor, areas) : null;
        while (cursor.MoveNext())
        {
            Hosts.CheckAlive(environment);
            try
            {
                evaluator.Add<float>(
                    readBoxes(),
                    Indices(readLabel(), labelColumnName),
                    readFound(),
                    Indices(readPredicted(), predictedLabelColumnName),
                    readScore(),
                    readIgnored is null ? [] : readIgnored(),
                    readArea is null ? [] : readArea()
                );
            }
            catch (ArgumentException e)
            {
                throw environment.Process(
                    new ArgumentException(
                        $"Row {cursor.Position} cannot be evaluated (targets: columns '{labelColumnName}', '{boundingBoxColumnName}'; detections: columns '{predictedLabelColumnName}', '{predictedBoundingBoxColumnName}', '{scoreColumnName}'). {e.Message}",
                        e
                    )
                );
            }
        }
        var metrics = evaluator.Metrics();
        // Keys have an order; text has none but by name.
        return label.Names is not null
            ? metrics
            : new(metrics.ImageCount, [.. metrics.PerClass.OrderBy(one => one.Name, StringComparer.Ordinal)]);

        DataViewSchema.Column? Optional<T>(string? name, string role) =>
            name is not null && schema.GetColumnOrNull(name) is not null ? VectorColumns.Find<T>(schema, name, role, environment) : null;

        int[] Indices(IReadOnlyList<string?> names, string column)
        {
            var result = new int[names.Count];
            for (var i = 0; i < result.Length; i++)
            {
                var name =
                    names[i]
                    ?? throw new ArgumentException(
                        $"Object {i} of the column '{column}' has no class: its key is missing, as where MapValueToKey was fitted on data without the class. Fit it on data with all classes, or leave such objects out."
                    );
                if (!indices.TryGetValue(name, out result[i]))
                    indices.Add(name, result[i] = evaluator.AddClass(name));
            }
            return result;
        }
    }

    /// <summary>Evaluates scored object detection data by the rules of COCO, in ML.NET's own form.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="data">Scored data, an image a row.</param>
    /// <param name="labelCol">Column of the true classes.</param>
    /// <param name="actualBoundingBoxColumn">Column of the true boxes.</param>
    /// <param name="predictedLabelCol">Column of the predicted classes.</param>
    /// <param name="predictedBoundingBoxColumn">Column of the predicted boxes.</param>
    /// <param name="scoreCol">Column of the scores.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentException">As in the other overload.</exception>
    public static ObjectDetectionMetrics EvaluateObjectDetection(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        DataViewSchema.Column labelCol,
        DataViewSchema.Column actualBoundingBoxColumn,
        DataViewSchema.Column predictedLabelCol,
        DataViewSchema.Column predictedBoundingBoxColumn,
        DataViewSchema.Column scoreCol
    ) =>
        catalog.EvaluateObjectDetection(
            data,
            labelCol.Name,
            actualBoundingBoxColumn.Name,
            predictedLabelCol.Name,
            predictedBoundingBoxColumn.Name,
            scoreCol.Name
        );
}
