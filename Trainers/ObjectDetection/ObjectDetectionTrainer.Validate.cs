using MLNetLosses.Networks;

namespace MLNetLosses;

public sealed partial class ObjectDetectionTrainer
{
    private const int LeastSize = 16;
    private const int LargestSize = 4096;

    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    private static void Validate(Options options)
    {
        string[] made = [options.PredictedLabelColumnName, options.ScoreColumnName, options.PredictedBoundingBoxColumnName];
        var checks = new OptionChecks("ObjectDetection")
            .Given(nameof(options.Head), options.Head)
            .Given(nameof(options.ClassificationLoss), options.ClassificationLoss)
            .Given(nameof(options.BoxLoss), options.BoxLoss)
            .Given(nameof(options.Augmentation), options.Augmentation)
            .Number(nameof(options.ClassificationLossWeight), options.ClassificationLossWeight, 0, double.PositiveInfinity)
            .Number(nameof(options.BoxLossWeight), options.BoxLossWeight, 0, double.PositiveInfinity)
            .Number(nameof(options.DistributionLossWeight), options.DistributionLossWeight, 0, double.PositiveInfinity)
            .Number(nameof(options.QualityLossWeight), options.QualityLossWeight, 0, double.PositiveInfinity);
        checks.ThrowIfAny(nameof(options)); // the sum of losses needs them
        checks
            .Shared(options)
            .Name(nameof(options.BoundingBoxColumnName), options.BoundingBoxColumnName)
            .OptionalName(nameof(options.IgnoredColumnName), options.IgnoredColumnName)
            .Name(nameof(options.PredictedLabelColumnName), options.PredictedLabelColumnName)
            .Name(nameof(options.ScoreColumnName), options.ScoreColumnName)
            .Name(nameof(options.PredictedBoundingBoxColumnName), options.PredictedBoundingBoxColumnName)
            .Require(
                made.Distinct().Count() == made.Length,
                $"PredictedLabelColumnName, ScoreColumnName and PredictedBoundingBoxColumnName must differ; they are '{string.Join("', '", made)}'."
            )
            .Require(
                options.Steps is null || options.Steps.All(epoch => epoch >= 1),
                $"Steps must hold numbers of epochs, 1 or more, or be null; it is [{string.Join(", ", options.Steps ?? [])}]."
            )
            .Number(nameof(options.MosaicProbability), options.MosaicProbability, 0, 1)
            .Number(nameof(options.ScoreThreshold), options.ScoreThreshold, 0, 1)
            .Number(nameof(options.IOUThreshold), options.IOUThreshold, 0, 1)
            .Defined(nameof(options.Suppression), options.Suppression)
            .Number(nameof(options.SuppressionSigma), options.SuppressionSigma, 0, double.PositiveInfinity, includesLow: false)
            .AtLeast(nameof(options.MaximumDetections), options.MaximumDetections, 1)
            .Valid(nameof(options.Head), options.Head)
            .Require(
                options.DistributionLoss is null || options.UsedDistributionLoss is not null,
                $"DistributionLoss is {options.DistributionLoss}, a loss on distributions of box sides, and the head {options.Head} tells none: set Head to one that does, such as Fcos(distributionBins: 17), or DistributionLoss to null."
            )
            .Valid(nameof(options.Matching), options.Matching)
            .Valid(nameof(options.Sampling), options.Sampling)
            .Defined(nameof(options.LossNormalization), options.LossNormalization)
            .Require(
                options.ImageSize is >= LeastSize and <= LargestSize,
                $"ImageSize must be between {LeastSize} and {LargestSize}; it is {options.ImageSize}."
            )
            .Require(
                options.MaxImageSize is not { } longest || longest >= options.ImageSize,
                $"MaxImageSize bounds the longer side and must not be below ImageSize ({options.ImageSize}); it is {options.MaxImageSize}."
            )
            .Require(
                options.TrainingImageSizes is null
                    || options.TrainingImageSizes.Count > 0
                        && options.TrainingImageSizes.All(size => size is >= LeastSize and <= LargestSize),
                $"TrainingImageSizes must hold lengths between {LeastSize} and {LargestSize}, or be null; it is {options.TrainingImageSizes}."
            )
            .Valid(nameof(options.Augmentation), options.Augmentation)
            .Require(
                !options.Augmentation.Mixes,
                "Augmentation: Mixup and CutMix blend images, which leaves no boxes to learn: set MixupAlpha and CutMixAlpha to 0."
            )
            .ThrowIfAny(nameof(options));
    }

    /// <summary>What only the network can tell.</summary>
    internal static void Validate(Options options, DetectionNetwork network)
    {
        var problem = DetectionLossCheck.Find(options, network.Shape);
        new OptionChecks("ObjectDetection")
            .Layers(options, network)
            .Require(
                options.ImageSize >= network.Body.MinimumImageSize,
                $"ImageSize {options.ImageSize} is too small for {options.Backbone}, which needs {network.Body.MinimumImageSize}."
            )
            .Require(problem is null, problem ?? "")
            .ThrowIfAny(nameof(options));
    }
}
