using Microsoft.ML;

namespace MLNetLosses.Samples;

public partial class SemanticSegmenter
{
    /// <summary>What a prediction is made from.</summary>
    public class ModelInput
    {
        /// <summary>The file of the image.</summary>
        public string ImagePath { get; set; } = "";
    }

    /// <summary>A prediction.</summary>
    public class ModelOutput
    {
        /// <summary>The class of each pixel, at the image's own size.</summary>
        [SegmentationMaskType]
        public SegmentationMask? PredictedLabel { get; set; }

        /// <summary>The pixels of each class, in the order of <see cref="GetLabels"/>.</summary>
        public long[] Areas { get; set; } = [];
    }

    /// <summary>Where <see cref="Predict"/> finds the model.</summary>
    public static string MLNetModelPath { get; set; } = Path.Combine("output", "SemanticSegmentation", "model.zip");

    /// <summary>Made once; the model behind it may serve many engines and threads.</summary>
    public static readonly Lazy<PredictionEngine<ModelInput, ModelOutput>> PredictEngine = new(CreatePredictEngine, true);

    /// <summary>Predicts the classes of an image's pixels.</summary>
    public static ModelOutput Predict(ModelInput input) => PredictEngine.Value.Predict(input);

    /// <summary>Every class with its share of the pixels, the largest first.</summary>
    public static IOrderedEnumerable<KeyValuePair<string, double>> PredictShares(ModelInput input)
    {
        var areas = Predict(input).Areas;
        return GetLabels(PredictEngine.Value.OutputSchema)
            .Zip(areas, (name, area) => KeyValuePair.Create(name, (double)area / areas.Sum()))
            .OrderByDescending(pair => pair.Value);
    }

    /// <summary>The classes in the order of their indices: what the column of predicted masks knows.</summary>
    public static IReadOnlyList<string> GetLabels(DataViewSchema schema) => schema["PredictedLabel"].GetMaskClassNames() ?? [];

    private static PredictionEngine<ModelInput, ModelOutput> CreatePredictEngine()
    {
        var mlContext = new MLContext();
        var model = mlContext.Model.Load(MLNetModelPath, out _);
        return mlContext.Model.CreatePredictionEngine<ModelInput, ModelOutput>(model);
    }
}
