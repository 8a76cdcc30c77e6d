using Microsoft.ML;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses.Samples;

public partial class SemanticSegmenter
{
    /// <summary>The folder that <see cref="Train"/> reads when it is given none: images/, masks/ and perhaps classes.txt.</summary>
    public const string RetrainFilePath = "output/SemanticSegmentation/drawn/train";

    /// <summary>The width that images are brought to, in pixels.</summary>
    public const int TrainingImageWidth = 128;

    /// <summary>The height that images are brought to, in pixels.</summary>
    public const int TrainingImageHeight = 96;

    /// <summary>Trains a new model and saves it.</summary>
    /// <param name="outputModelPath">The file to write.</param>
    /// <param name="inputDataFilePath">The folder of images and masks.</param>
    public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath)
    {
        var mlContext = new MLContext(seed: 1);
        var data = LoadIDataViewFromFolder(mlContext, inputDataFilePath);
        SaveModel(mlContext, RetrainModel(mlContext, data), data, outputModelPath);
    }

    /// <summary>Lists the images and masks of a folder. They are read while training.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="folder">Holds images/, masks/ and perhaps classes.txt.</param>
    /// <param name="ignoreIndex">A class index that does not count, or null.</param>
    public static IDataView LoadIDataViewFromFolder(MLContext mlContext, string folder, int? ignoreIndex = null) =>
        mlContext.Data.LoadSegmentationFolder(folder, ignoreIndex: ignoreIndex);

    /// <summary>Saves a model so that another process can load it.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath) =>
        mlContext.Model.Save(model, data.Schema, modelSavePath);

    /// <summary>Trains on the data.</summary>
    public static ITransformer RetrainModel(
        MLContext mlContext,
        IDataView trainData,
        Action<SemanticSegmentationTrainer.Options>? change = null
    ) => BuildPipeline(mlContext, change).Fit(trainData);

    /// <summary>The pipeline: the trainer with its loss.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="change">Changes the trainer's options.</param>
    public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext, Action<SemanticSegmentationTrainer.Options>? change = null)
    {
        var options = new SemanticSegmentationTrainer.Options
        {
            LabelColumnName = "Mask",
            FeatureColumnName = nameof(ModelInput.ImagePath),
            Loss = new CrossEntropyLoss(),
            Architecture = SegmentationArchitecture.UNet,
            Backbone = Backbone.ResNet18,
            ImageWidth = TrainingImageWidth,
            ImageHeight = TrainingImageHeight,
            BatchSize = 8,
            Epoch = 15,
            Augmentation = new() { HorizontalFlip = 0.5 },
            Optimizer = new AdamW { LearningRate = 1e-3, WeightDecay = 1e-4 },
            Schedule = new CosineSchedule { WarmupFraction = 0 },
        };
        change?.Invoke(options);
        return mlContext.ImageSegmentation.Trainers.SemanticSegmentation(options);
    }
}
