using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Samples;

public partial class ObjectDetector
{
    /// <summary>Evaluates a model by COCO's rules.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="data">Annotated images whose classes the model knows.</param>
    public static Evaluation Evaluate(MLContext mlContext, ITransformer model, IDataView data)
    {
        var predictions = model.Transform(data);
        var named = mlContext.Transforms.Conversion.MapKeyToValue("Label").Fit(predictions).Transform(predictions);
        // The network runs once, for the metrics and for the pictures.
        var scored = mlContext.Data.Cache(
            named,
            "ImagePath",
            "BoundingBoxes",
            "Ignored",
            "Label",
            "PredictedLabel",
            "PredictedBoundingBoxes",
            "Score"
        );
        return new(mlContext.MulticlassClassification.EvaluateObjectDetection(scored), scored);
    }

    /// <summary>
    /// Draws what was found in colours over what is true in black: a black frame alone was missed, a coloured one alone is wrong. Files are named by their
    /// rank, the worst image first, and by their average precision at an intersection over union of 0.5.
    /// </summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="evaluation">The evaluation.</param>
    /// <param name="folder">Gets the pictures; those of before are deleted.</param>
    /// <param name="count">The most pictures.</param>
    /// <param name="minimumScore">Detections of a lower score are not drawn.</param>
    public static void DrawDetections(MLContext mlContext, Evaluation evaluation, string folder, int count = 40, double minimumScore = 0.5)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var rows = mlContext.Data.CreateEnumerable<ScoredRow>(evaluation.Scored, reuseRowObject: false).ToArray();
        var worst = rows.Select(row => (Row: row, Precision: OfImage(mlContext, row)))
            .OrderBy(pair => pair.Precision)
            .Take(count)
            .ToArray();
        var data = mlContext.Data.LoadFromEnumerable(worst.Select(pair => pair.Row).ToArray());
        var pipeline = mlContext
            .Transforms.DrawBoundingBoxes("Truth", "ImagePath", null, "BoundingBoxes", null, color: "#000000", lineWidth: 2)
            .Append(mlContext.Transforms.DrawBoundingBoxes("Drawn", "Truth", minimumScore: minimumScore, lineWidth: 1));
        var at = 0;
        foreach (var image in pipeline.Fit(data).Transform(data).GetColumn<MLImage>("Drawn"))
        {
            var (row, precision) = worst[at];
            var name = Path.GetFileNameWithoutExtension(row.ImagePath);
            using var drawn = image;
            drawn.Save(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{at:000}_{precision:0.00}_{name}.png")));
            at++;
        }
    }

    /// <summary>How well the objects of one image are found; 1 where there is nothing and nothing is found, 0 where there is nothing and something is found.</summary>
    private static double OfImage(MLContext mlContext, ScoredRow row)
    {
        var one = mlContext.Data.LoadFromEnumerable(new[] { row });
        var precision = mlContext.MulticlassClassification.EvaluateObjectDetection(one).AveragePrecision50;
        return !double.IsNaN(precision) ? precision
            : row.Score.Any(score => score >= 0.5) ? 0
            : 1;
    }

    /// <summary>A row of evaluated data.</summary>
    public sealed class ScoredRow : ModelInput
    {
        /// <summary>The class of each detection.</summary>
        public string[] PredictedLabel { get; set; } = [];

        /// <summary>The score of each detection.</summary>
        public float[] Score { get; set; } = [];

        /// <summary>The boxes of the detections.</summary>
        public float[] PredictedBoundingBoxes { get; set; } = [];
    }

    /// <summary>What an evaluation found.</summary>
    /// <param name="Metrics">COCO's metrics.</param>
    /// <param name="Scored">The evaluated data.</param>
    public sealed record Evaluation(ObjectDetectionMetrics Metrics, IDataView Scored)
    {
        /// <summary>The numbers for <c>metrics.json</c>, under the names of the field.</summary>
        public object ToJson() =>
            new Dictionary<string, object>
            {
                ["mAP"] = Metrics.AveragePrecision,
                ["AP50"] = Metrics.AveragePrecision50,
                ["AP75"] = Metrics.AveragePrecision75,
                ["APsmall"] = Metrics.AveragePrecisionSmall,
                ["APmedium"] = Metrics.AveragePrecisionMedium,
                ["APlarge"] = Metrics.AveragePrecisionLarge,
                ["AR1"] = Metrics.AverageRecall1,
                ["AR10"] = Metrics.AverageRecall10,
                ["AR100"] = Metrics.AverageRecall100,
                ["images"] = Metrics.ImageCount,
                ["perClass"] = Metrics
                    .PerClass.Select(one => new Dictionary<string, object>
                    {
                        ["class"] = one.Name,
                        ["mAP"] = one.AveragePrecision,
                        ["AP50"] = one.AveragePrecision50,
                        ["AP75"] = one.AveragePrecision75,
                        ["AR100"] = one.AverageRecall100,
                        ["targets"] = one.TargetCount,
                    })
                    .ToArray(),
            };
    }
}
