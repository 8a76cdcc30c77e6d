using System.Runtime.CompilerServices;
using MLNetLosses;
using MLNetLosses.Interop;

namespace Microsoft.ML;

/// <summary>Trainers of image classifiers for <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
public static class ImageClassificationCatalog
{
    /// <summary>A trainer of image classifiers with every option.</summary>
    /// <param name="catalog">The catalog of trainers.</param>
    /// <param name="options">The options; copied.</param>
    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    [OverloadResolutionPriority(1)] // so that ImageClassification(new() { ... }) means the options
    public static ImageClassificationTrainer ImageClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        ImageClassificationTrainer.Options options
    ) => new(Hosts.EnvironmentOf(catalog), options);

    /// <summary>A trainer of image classifiers with default options: a ResNet18 from random weights, cross-entropy, 10 epochs.</summary>
    /// <param name="catalog">The catalog of trainers.</param>
    /// <param name="labelColumnName">The key column of classes.</param>
    /// <param name="featureColumnName">The column of images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="scoreColumnName">The column to make of probabilities.</param>
    /// <param name="predictedLabelColumnName">The column to make of the predicted class.</param>
    /// <param name="validationSet">Data to measure on after each epoch, or null.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    public static ImageClassificationTrainer ImageClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Image",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        IDataView? validationSet = null
    ) =>
        catalog.ImageClassification(
            new ImageClassificationTrainer.Options
            {
                LabelColumnName = labelColumnName,
                FeatureColumnName = featureColumnName,
                ScoreColumnName = scoreColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
                ValidationSet = validationSet,
            }
        );
}
