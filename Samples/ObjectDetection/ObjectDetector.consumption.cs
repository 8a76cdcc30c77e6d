using Microsoft.ML;

namespace MLNetLosses.Samples;

public partial class ObjectDetector
{
    /// <summary>What a prediction is made from.</summary>
    public class ModelInput
    {
        /// <summary>The file of the image.</summary>
        public string ImagePath { get; set; } = "";

        /// <summary>The true classes; not needed to predict.</summary>
        public string[] Label { get; set; } = [];

        /// <summary>The true boxes, x0 y0 x1 y1 each; not needed to predict.</summary>
        public float[] BoundingBoxes { get; set; } = [];

        /// <summary>Objects that need not be found; not needed to predict.</summary>
        public bool[] Ignored { get; set; } = [];
    }

    /// <summary>A prediction: what was found, best first.</summary>
    public class ModelOutput
    {
        /// <summary>The class of each detection.</summary>
        public string[] PredictedLabel { get; set; } = [];

        /// <summary>The score of each detection, from 0 to 1.</summary>
        public float[] Score { get; set; } = [];

        /// <summary>The boxes, x0 y0 x1 y1 each, in pixels of the image.</summary>
        public float[] PredictedBoundingBoxes { get; set; } = [];
    }

    /// <summary>A detection.</summary>
    /// <param name="Label">Its class.</param>
    /// <param name="Score">From 0 to 1.</param>
    /// <param name="Left">Pixels.</param>
    /// <param name="Top">Pixels.</param>
    /// <param name="Right">Pixels.</param>
    /// <param name="Bottom">Pixels.</param>
    public record BoundingBox(string Label, float Score, float Left, float Top, float Right, float Bottom);

    /// <summary>Where <see cref="Predict"/> finds the model.</summary>
    public static string MLNetModelPath { get; set; } = Path.Combine("output", "ObjectDetection", "model.zip");

    /// <summary>Made once; the model behind it may serve many engines and threads.</summary>
    public static readonly Lazy<PredictionEngine<ModelInput, ModelOutput>> PredictEngine = new(CreatePredictEngine, true);

    /// <summary>Finds the objects of an image.</summary>
    public static ModelOutput Predict(ModelInput input) => PredictEngine.Value.Predict(input);

    /// <summary>The detections of at least a score, best first.</summary>
    public static IReadOnlyList<BoundingBox> PredictBoxes(ModelInput input, float minimumScore = 0.5f)
    {
        var found = Predict(input);
        return
        [
            .. Enumerable
                .Range(0, found.Score.Length)
                .Where(i => found.Score[i] >= minimumScore)
                .Select(i => new BoundingBox(
                    found.PredictedLabel[i],
                    found.Score[i],
                    found.PredictedBoundingBoxes[4 * i],
                    found.PredictedBoundingBoxes[4 * i + 1],
                    found.PredictedBoundingBoxes[4 * i + 2],
                    found.PredictedBoundingBoxes[4 * i + 3]
                )),
        ];
    }

    private static PredictionEngine<ModelInput, ModelOutput> CreatePredictEngine()
    {
        var mlContext = new MLContext();
        var model = mlContext.Model.Load(MLNetModelPath, out _);
        return mlContext.Model.CreatePredictionEngine<ModelInput, ModelOutput>(model);
    }
}
