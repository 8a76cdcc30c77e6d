using Microsoft.ML;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses.Samples;

public partial class ImageClassifier
{
    /// <summary>The folder that <see cref="Train"/> reads when it is given none: one subfolder a class.</summary>
    public const string RetrainFilePath = "output/ImageClassification/drawn/train";

    /// <summary>The size that images are brought to, in pixels.</summary>
    public const int TrainingImageSize = 32;

    /// <summary>Trains a new model and saves it.</summary>
    /// <param name="outputModelPath">The file to write.</param>
    /// <param name="inputDataFilePath">The folder of images, one subfolder a class.</param>
    public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath)
    {
        var mlContext = new MLContext(seed: 1);
        var data = LoadIDataViewFromFolder(mlContext, inputDataFilePath);
        SaveModel(mlContext, RetrainModel(mlContext, data), data, outputModelPath);
    }

    /// <summary>Lists the images of a folder that has one subfolder a class. The images themselves are read while training.</summary>
    public static IDataView LoadIDataViewFromFolder(MLContext mlContext, string folder) =>
        mlContext.Data.LoadFromEnumerable(
            ImageFolder.Read(folder).Select(image => new ModelInput { ImagePath = image.Path, Label = image.Class }).ToArray()
        );

    /// <summary>Saves a model so that another process can load it.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath) =>
        mlContext.Model.Save(model, data.Schema, modelSavePath);

    /// <summary>Trains on the data.</summary>
    public static ITransformer RetrainModel(
        MLContext mlContext,
        IDataView trainData,
        Action<ImageClassificationTrainer.Options>? change = null
    ) => BuildPipeline(mlContext, trainData, change).Fit(trainData);

    /// <summary>The pipeline: classes to keys, the trainer with its loss, keys to classes.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="trainData">Tells the classes, which the validation set must know as well.</param>
    /// <param name="change">Changes the trainer's options.</param>
    public static IEstimator<ITransformer> BuildPipeline(
        MLContext mlContext,
        IDataView trainData,
        Action<ImageClassificationTrainer.Options>? change = null
    )
    {
        var keys = mlContext.Transforms.Conversion.MapValueToKey(
            "Label",
            keyOrdinality: Microsoft.ML.Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue
        );
        var options = new ImageClassificationTrainer.Options
        {
            FeatureColumnName = nameof(ModelInput.ImagePath),
            Loss = new CrossEntropyLoss(),
            Backbone = Backbone.ResNet20Cifar,
            ImageSize = TrainingImageSize,
            BatchSize = 64,
            Epoch = 20,
            Optimizer = new Sgd
            {
                LearningRate = 0.05,
                Momentum = 0.9,
                Nesterov = true,
                WeightDecay = 5e-4,
            },
            Schedule = new CosineSchedule { WarmupFraction = 0 },
        };
        change?.Invoke(options);
        if (options.ValidationSet is { } validation)
            options.ValidationSet = keys.Fit(trainData).Transform(validation);
        return keys.Append(mlContext.MulticlassClassification.Trainers.ImageClassification(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
    }
}
