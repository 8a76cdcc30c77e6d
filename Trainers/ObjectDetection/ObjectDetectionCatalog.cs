using System.Runtime.CompilerServices;
using MLNetLosses;
using MLNetLosses.Interop;

namespace Microsoft.ML;

/// <summary>Trainers of object detectors for <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
public static class ObjectDetectionCatalog
{
    /// <summary>A trainer of object detectors with every option.</summary>
    /// <param name="catalog">The catalog of trainers.</param>
    /// <param name="options">The options; copied.</param>
    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    [OverloadResolutionPriority(1)] // so that ObjectDetection(new() { ... }) means the options
    public static ObjectDetectionTrainer ObjectDetection(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        ObjectDetectionTrainer.Options options
    ) => new(Hosts.EnvironmentOf(catalog), options);

    /// <summary>A trainer of object detectors with default options: RetinaNet on a ResNet18 from random weights.</summary>
    /// <param name="catalog">The catalog of trainers.</param>
    /// <param name="labelColumnName">The column of classes: a vector of keys.</param>
    /// <param name="predictedLabelColumnName">The column to make of predicted classes.</param>
    /// <param name="scoreColumnName">The column to make of scores.</param>
    /// <param name="boundingBoxColumnName">The column of boxes: x0 y0 x1 y1 of each object.</param>
    /// <param name="predictedBoundingBoxColumnName">The column to make of predicted boxes.</param>
    /// <param name="imageColumnName">The column of images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="maxEpoch">How often the data are gone through.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    public static ObjectDetectionTrainer ObjectDetection(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string predictedLabelColumnName = "PredictedLabel",
        string scoreColumnName = "Score",
        string boundingBoxColumnName = "BoundingBoxes",
        string predictedBoundingBoxColumnName = "PredictedBoundingBoxes",
        string imageColumnName = "Image",
        int maxEpoch = 10
    ) =>
        catalog.ObjectDetection(
            new ObjectDetectionTrainer.Options
            {
                LabelColumnName = labelColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
                ScoreColumnName = scoreColumnName,
                BoundingBoxColumnName = boundingBoxColumnName,
                PredictedBoundingBoxColumnName = predictedBoundingBoxColumnName,
                ImageColumnName = imageColumnName,
                MaxEpoch = maxEpoch,
            }
        );
}
