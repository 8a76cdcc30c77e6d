using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Samples;

public partial class ImageClassifier
{
    /// <summary>What a prediction is made from.</summary>
    public class ModelInput
    {
        /// <summary>The file of the image.</summary>
        public string ImagePath { get; set; } = "";

        /// <summary>The true class; not needed to predict.</summary>
        public string Label { get; set; } = "";
    }

    /// <summary>A prediction.</summary>
    public class ModelOutput
    {
        /// <summary>The most probable class.</summary>
        public string PredictedLabel { get; set; } = "";

        /// <summary>The probability of each class, in the order of <see cref="GetLabels"/>.</summary>
        public float[] Score { get; set; } = [];
    }

    /// <summary>Where <see cref="Predict"/> finds the model.</summary>
    public static string MLNetModelPath { get; set; } = Path.Combine("output", "ImageClassification", "model.zip");

    /// <summary>Made once; the model behind it may serve many engines and threads.</summary>
    public static readonly Lazy<PredictionEngine<ModelInput, ModelOutput>> PredictEngine = new(CreatePredictEngine, true);

    /// <summary>Predicts the class of an image.</summary>
    public static ModelOutput Predict(ModelInput input) => PredictEngine.Value.Predict(input);

    /// <summary>Every class with its probability, the most probable first.</summary>
    public static IOrderedEnumerable<KeyValuePair<string, float>> PredictAllLabels(ModelInput input) =>
        GetSortedScoresWithLabels(Predict(input));

    /// <summary>Every class with its probability, the most probable first.</summary>
    public static IOrderedEnumerable<KeyValuePair<string, float>> GetSortedScoresWithLabels(ModelOutput result) =>
        GetLabels(PredictEngine.Value.OutputSchema).Zip(result.Score, KeyValuePair.Create).OrderByDescending(pair => pair.Value);

    /// <summary>The classes in the order of the scores: the slot names of the score column.</summary>
    public static string[] GetLabels(DataViewSchema schema)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        schema["Score"].GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    private static PredictionEngine<ModelInput, ModelOutput> CreatePredictEngine()
    {
        var mlContext = new MLContext();
        var model = mlContext.Model.Load(MLNetModelPath, out _);
        return mlContext.Model.CreatePredictionEngine<ModelInput, ModelOutput>(model);
    }
}
