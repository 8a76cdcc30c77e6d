using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Samples;

public partial class SemanticSegmenter
{
    /// <summary>Evaluates a model on a folder of images and masks, at the size of the masks.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="ignoreIndex">A class index that does not count, or null.</param>
    /// <param name="boundaryTolerance">Up to how many pixels apart edges count as the same.</param>
    public static Evaluation Evaluate(MLContext mlContext, ITransformer model, string folder, int? ignoreIndex, double boundaryTolerance)
    {
        var predictions = model.Transform(LoadIDataViewFromFolder(mlContext, folder, ignoreIndex));
        var metrics = mlContext.ImageSegmentation.Evaluate(
            predictions,
            labelColumnName: "Mask",
            predictedMaskColumnName: "PredictedLabel",
            ignoreIndex: ignoreIndex,
            boundaryTolerance: boundaryTolerance
        );
        return new(metrics, GetLabels(predictions.Schema));
    }

    /// <summary>Draws the images that are segmented best and worst, with truth, prediction and wrong pixels.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder of images and masks.</param>
    /// <param name="ignoreIndex">A class index that does not count, or null.</param>
    /// <param name="count">How many of the best and of the worst.</param>
    /// <param name="output">Where the pictures go.</param>
    public static void DrawOverlays(MLContext mlContext, ITransformer model, string folder, int? ignoreIndex, int count, string output)
    {
        var predictions = model.Transform(LoadIDataViewFromFolder(mlContext, folder, ignoreIndex));
        var names = GetLabels(predictions.Schema);
        var ranked = Rows(mlContext, predictions)
            .Select((row, i) => (Row: i, Score: ScoreOf(mlContext, row, ignoreIndex)))
            .OrderByDescending(image => image.Score)
            .ToArray();
        var shown = new Dictionary<int, string>();
        for (var i = 0; i < Math.Min(count, ranked.Length); i++)
        {
            shown[ranked[i].Row] = $"best-{i + 1:00}";
            shown[ranked[^(i + 1)].Row] = $"worst-{i + 1:00}";
        }
        Directory.CreateDirectory(output);
        var scores = ranked.ToDictionary(image => image.Row, image => image.Score);
        foreach (var (row, i) in Rows(mlContext, predictions).Select((row, i) => (row, i)))
            if (shown.TryGetValue(i, out var rank))
                MaskSheet.Write(
                    row.ImagePath,
                    row.Mask!,
                    row.PredictedLabel!,
                    names,
                    ignoreIndex,
                    $"{Path.GetFileNameWithoutExtension(row.ImagePath)}: mean IoU {scores[i]:0.000}",
                    Path.Combine(output, $"{rank}-{Path.GetFileNameWithoutExtension(row.ImagePath)}.png")
                );
    }

    private static double ScoreOf(MLContext mlContext, Scored row, int? ignoreIndex) =>
        mlContext
            .ImageSegmentation.Evaluate(mlContext.Data.LoadFromEnumerable([row]), "Mask", "PredictedLabel", ignoreIndex)
            .MeanIntersectionOverUnion;

    private static IEnumerable<Scored> Rows(MLContext mlContext, IDataView predictions) =>
        mlContext.Data.CreateEnumerable<Scored>(predictions, reuseRowObject: false);

    private sealed class Scored
    {
        public string ImagePath { get; set; } = "";

        [SegmentationMaskType]
        public SegmentationMask? Mask { get; set; }

        [SegmentationMaskType]
        public SegmentationMask? PredictedLabel { get; set; }
    }

    /// <summary>What an evaluation found.</summary>
    /// <param name="Metrics">The figures.</param>
    /// <param name="Classes">The classes in the order of the figures.</param>
    public sealed record Evaluation(SegmentationMetrics Metrics, IReadOnlyList<string> Classes)
    {
        /// <summary>The numbers for <c>metrics.json</c>.</summary>
        public object ToJson() =>
            new
            {
                MeanIoU = Metrics.MeanIntersectionOverUnion,
                PerClassIoU = ByClass(Metrics.IntersectionOverUnion),
                Dice = Metrics.MeanDice,
                PerClassDice = ByClass(Metrics.Dice),
                Metrics.PixelAccuracy,
                Metrics.MeanClassAccuracy,
                FrequencyWeightedIoU = Metrics.FrequencyWeightedIntersectionOverUnion,
                BoundaryF1 = Metrics.Surfaces?.MeanBoundaryF1,
                BoundaryTolerance = Metrics.Surfaces?.Tolerance,
                SurfaceDice = Metrics.Surfaces?.MeanSurfaceDice,
                HausdorffDistance95 = Metrics.Surfaces?.MeanHausdorffDistance95,
                Pixels = Metrics.PixelCount,
            };

        private Dictionary<string, double> ByClass(IReadOnlyList<double> figures) =>
            Classes.Zip(figures, KeyValuePair.Create).ToDictionary(pair => pair.Key, pair => pair.Value);
    }
}
