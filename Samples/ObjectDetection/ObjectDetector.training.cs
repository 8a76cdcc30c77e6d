using Microsoft.ML;
using Microsoft.ML.Transforms;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses.Samples;

public partial class ObjectDetector
{
    /// <summary>The folder that <see cref="Train"/> reads when it is given none.</summary>
    public const string RetrainFilePath = "output/ObjectDetection/drawn";

    /// <summary>The shorter side that images are brought to, in pixels.</summary>
    public const int TrainingImageSize = 320;

    /// <summary>Trains a new model and saves it.</summary>
    /// <param name="outputModelPath">The file to write.</param>
    /// <param name="inputDataFilePath">Annotated images: Pascal VOC, COCO, YOLO or VoTT.</param>
    public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath)
    {
        var mlContext = new MLContext(seed: 1);
        var data = LoadIDataView(mlContext, inputDataFilePath, AnnotatedImages.Part.Train);
        SaveModel(mlContext, RetrainModel(mlContext, data), data, outputModelPath);
    }

    /// <summary>Reads annotations; the images themselves are read while training. Boxes without area are left out and counted.</summary>
    public static ObjectDetectionDataView LoadIDataView(
        MLContext mlContext,
        string path,
        AnnotatedImages.Part part,
        IReadOnlyList<string>? classes = null
    ) =>
        AnnotatedImages.Load(
            mlContext,
            path,
            part,
            new() { Classes = classes, Repairs = AnnotationRepairs.ClipBoxes | AnnotationRepairs.SkipEmptyBoxes }
        );

    /// <summary>Saves a model so that another process can load it.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath) =>
        mlContext.Model.Save(model, data.Schema, modelSavePath);

    /// <summary>Trains on the data.</summary>
    public static ITransformer RetrainModel(
        MLContext mlContext,
        IDataView trainData,
        Action<ObjectDetectionTrainer.Options>? change = null
    ) => BuildPipeline(mlContext, trainData, change).Fit(trainData);

    /// <summary>The pipeline: classes to keys, the trainer with its losses, keys to classes.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="trainData">Tells the classes, which the validation set must know as well.</param>
    /// <param name="change">Changes the trainer's options.</param>
    public static IEstimator<ITransformer> BuildPipeline(
        MLContext mlContext,
        IDataView trainData,
        Action<ObjectDetectionTrainer.Options>? change = null
    )
    {
        var keys = mlContext.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);
        var options = new ObjectDetectionTrainer.Options
        {
            ImageColumnName = nameof(ModelInput.ImagePath),
            IgnoredColumnName = nameof(ModelInput.Ignored),
            ClassificationLoss = new SigmoidFocalLoss(),
            BoxLoss = new GeneralizedIoULoss(),
            ImageSize = TrainingImageSize,
            BatchSize = 4,
            Epoch = 12,
            Optimizer = new AdamW { LearningRate = 5e-4, WeightDecay = 1e-4 },
            Schedule = new CosineSchedule { WarmupFraction = 0 },
            // Low, so that an evaluation sees the whole curve; whoever shows detections leaves out those of low score.
            ScoreThreshold = 0.05,
        };
        change?.Invoke(options);
        if (options.ValidationSet is { } validation)
            options.ValidationSet = keys.Fit(trainData).Transform(validation);
        return keys.Append(mlContext.MulticlassClassification.Trainers.ObjectDetection(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
    }
}
