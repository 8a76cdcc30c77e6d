using System.Runtime.CompilerServices;
using MLNetLosses;
using MLNetLosses.Interop;

namespace Microsoft.ML;

/// <summary>Trainers of segmentation networks for <c>mlContext.ImageSegmentation.Trainers</c>.</summary>
public static class SemanticSegmentationCatalog
{
    /// <summary>A trainer of segmentation networks with every option.</summary>
    /// <param name="catalog">The catalog of trainers.</param>
    /// <param name="options">The options; copied.</param>
    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    [OverloadResolutionPriority(1)] // so that SemanticSegmentation(new() { ... }) means the options
    public static SemanticSegmentationTrainer SemanticSegmentation(
        this ImageSegmentationCatalog.ImageSegmentationTrainers catalog,
        SemanticSegmentationTrainer.Options options
    ) => new(Hosts.EnvironmentOf(catalog), options);

    /// <summary>
    /// A trainer of segmentation networks with default options: a U-Net on ResNet18 from random weights, cross-entropy, 10 epochs of random parts of 256 by 256
    /// pixels.
    /// </summary>
    /// <param name="catalog">The catalog of trainers.</param>
    /// <param name="labelColumnName">The column of masks.</param>
    /// <param name="featureColumnName">The column of images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="predictedLabelColumnName">The column to make of predicted masks.</param>
    /// <param name="ignoreIndex">A class index that counts nowhere, or null.</param>
    /// <param name="validationSet">Data to measure on after each epoch, or null.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    public static SemanticSegmentationTrainer SemanticSegmentation(
        this ImageSegmentationCatalog.ImageSegmentationTrainers catalog,
        string labelColumnName = "Mask",
        string featureColumnName = "ImagePath",
        string predictedLabelColumnName = "PredictedLabel",
        int? ignoreIndex = null,
        IDataView? validationSet = null
    ) =>
        catalog.SemanticSegmentation(
            new SemanticSegmentationTrainer.Options
            {
                LabelColumnName = labelColumnName,
                FeatureColumnName = featureColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
                IgnoreIndex = ignoreIndex,
                ValidationSet = validationSet,
            }
        );
}
