using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Samples;

public partial class ImageClassifier
{
    /// <summary>Evaluates a model on a folder of images with ML.NET's own evaluator.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="folder">One subfolder a class; the classes must be among those that the model knows.</param>
    public static Evaluation Evaluate(MLContext mlContext, ITransformer model, string folder)
    {
        var predictions = model.Transform(LoadIDataViewFromFolder(mlContext, folder));
        var classes = GetLabels(predictions.Schema);
        var unknown = ImageFolder.Read(folder).Select(image => image.Class).Distinct().Except(classes).ToArray();
        if (unknown.Length > 0)
            throw new InvalidDataException(
                $"{folder}: the model knows no class {string.Join(", ", unknown)}; it knows {string.Join(", ", classes)}."
            );
        var topK = Math.Min(5, Math.Max(1, classes.Length - 1));
        return new(mlContext.MulticlassClassification.Evaluate(predictions, topKPredictionCount: topK), classes, topK);
    }

    /// <summary>What an evaluation found.</summary>
    /// <param name="Metrics">ML.NET's metrics.</param>
    /// <param name="Classes">The classes in the order of the confusion matrix.</param>
    /// <param name="TopK">How many guesses the top-K accuracy allows.</param>
    public sealed record Evaluation(MulticlassClassificationMetrics Metrics, IReadOnlyList<string> Classes, int TopK)
    {
        /// <summary>The numbers for <c>metrics.json</c>.</summary>
        public object ToJson() =>
            new
            {
                Metrics.MicroAccuracy,
                Metrics.MacroAccuracy,
                Metrics.LogLoss,
                Metrics.TopKAccuracy,
                TopK,
                PerClass = Classes.Select(
                    (name, i) =>
                        new
                        {
                            Class = name,
                            Count = Metrics.ConfusionMatrix.Counts[i].Sum(),
                            Precision = Metrics.ConfusionMatrix.PerClassPrecision[i],
                            Recall = Metrics.ConfusionMatrix.PerClassRecall[i],
                            LogLoss = Metrics.PerClassLogLoss[i],
                        }
                ),
            };
    }
}
