using MLNetLosses.Losses;
using MLNetLosses.Networks;

namespace MLNetLosses;

public sealed partial class ImageClassificationTrainer
{
    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    private static void Validate(Options options)
    {
        var names = new[] { options.ScoreColumnName, options.PredictedLabelColumnName };
        new OptionChecks("ImageClassification")
            .Name(nameof(options.LabelColumnName), options.LabelColumnName)
            .Name(nameof(options.FeatureColumnName), options.FeatureColumnName)
            .Name(nameof(options.ScoreColumnName), options.ScoreColumnName)
            .Name(nameof(options.PredictedLabelColumnName), options.PredictedLabelColumnName)
            .OptionalName(nameof(options.ExampleWeightColumnName), options.ExampleWeightColumnName)
            .Require(names[0] != names[1], $"ScoreColumnName and PredictedLabelColumnName must differ; both are '{names[0]}'.")
            .Number(nameof(options.ValidationSetFraction), options.ValidationSetFraction, 0, 1, includesLow: false, includesHigh: false)
            .Require(
                options.ValidationSet is null || options.ValidationSetFraction is null,
                "ValidationSet and ValidationSetFraction exclude each other; set one of them to null."
            )
            .Given(nameof(options.Loss), options.Loss)
            .Valid(nameof(options.Loss), options.Loss)
            .Valid(nameof(options.LossWeighting), options.LossWeighting)
            .Require(
                options.LossWeighting is null || (options.Loss is ISumLoss sum && sum.Terms.Count(term => term.Weight > 0) > 1),
                $"LossWeighting combines the terms of a sum, and Loss is {options.Loss}: add up two losses or more, or set LossWeighting to null."
            )
            .Defined(nameof(options.SampleOrder), options.SampleOrder)
            .Defined(nameof(options.Backbone), options.Backbone)
            .Require(
                options.Weights is null || !string.IsNullOrWhiteSpace(options.Weights),
                "Weights must name a file or be null; it is empty."
            )
            .AtLeast(nameof(options.FrozenLayerGroups), options.FrozenLayerGroups, 0)
            .Number(nameof(options.LayerLearningRateDecay), options.LayerLearningRateDecay, 0, 1, includesLow: false)
            .Require(
                options.ImageSize is null || options.Preprocessing is null,
                "ImageSize and Preprocessing exclude each other: Preprocessing says the size itself."
            )
            .AtLeast(nameof(options.ImageSize), options.ImageSize, 1)
            .Require(options.ImageSize is not > 16384, $"ImageSize must be 16384 or less; it is {options.ImageSize}.")
            .Valid(nameof(options.Preprocessing), options.Preprocessing)
            .Given(nameof(options.Augmentation), options.Augmentation)
            .AtLeast(nameof(options.Epoch), options.Epoch, 0)
            .AtLeast(nameof(options.BatchSize), options.BatchSize, 1)
            .AtLeast(nameof(options.AccumulateBatches), options.AccumulateBatches, 1)
            .Given(nameof(options.Optimizer), options.Optimizer)
            .Valid(nameof(options.Optimizer), options.Optimizer)
            .Number(nameof(options.LearningRate), options.LearningRate, 0, double.PositiveInfinity)
            .Given(nameof(options.Schedule), options.Schedule)
            .Valid(nameof(options.Schedule), options.Schedule)
            .Number(nameof(options.LossLearningRateFactor), options.LossLearningRateFactor, 0, double.PositiveInfinity)
            .Valid(nameof(options.WeightAveraging), options.WeightAveraging)
            .Number(nameof(options.GradientClipNorm), options.GradientClipNorm, 0, double.PositiveInfinity, includesLow: false)
            .Number(nameof(options.GradientClipValue), options.GradientClipValue, 0, double.PositiveInfinity, includesLow: false)
            .Require(
                options.GradientClipNorm is null || options.GradientClipValue is null,
                "GradientClipNorm and GradientClipValue exclude each other; set one of them to null."
            )
            .Defined(nameof(options.MonitoredMetric), options.MonitoredMetric)
            .Valid(nameof(options.EarlyStoppingCriteria), options.EarlyStoppingCriteria)
            .Try(
                nameof(options.Device),
                () =>
                {
                    if (options.Device is not null)
                        DeviceChoice.Parse(options.Device);
                }
            )
            .AtLeast(nameof(options.Threads), options.Threads, 1)
            .AtLeast(nameof(options.ReaderThreads), options.ReaderThreads, 1)
            .AtLeast(nameof(options.ImageCacheBytes), options.ImageCacheBytes, 0)
            .AtLeast(nameof(options.CheckpointEveryEpochs), options.CheckpointEveryEpochs, 1)
            .Require(
                options.CheckpointFolder is null || !string.IsNullOrWhiteSpace(options.CheckpointFolder),
                "CheckpointFolder must name a folder or be null; it is empty."
            )
            .Require(!options.Resume || options.CheckpointFolder is not null, "Resume needs CheckpointFolder, where the checkpoint lies.")
            .AtLeast(nameof(options.ProgressInterval), options.ProgressInterval, 1)
            .ThrowIfAny(nameof(options));
    }

    /// <summary>What only the network can tell.</summary>
    internal static void Validate(Options options, BackboneNetwork network, int width, int height)
    {
        new OptionChecks("ImageClassification")
            .Require(
                options.FrozenLayerGroups <= network.LayerGroups.Count,
                $"FrozenLayerGroups is {options.FrozenLayerGroups}, but {options.Backbone} has {network.LayerGroups.Count} groups: {string.Join(", ", network.LayerGroups)}."
            )
            .Require(
                options.Epoch == 0 || options.FrozenLayerGroups < network.LayerGroups.Count,
                $"FrozenLayerGroups freezes all {network.LayerGroups.Count} groups of {options.Backbone}: nothing is left to train. Set Epoch to 0, or freeze fewer."
            )
            .Require(
                Math.Min(width, height) >= network.MinimumImageSize,
                $"Images of {width} x {height} pixels are too small for {options.Backbone}, which needs {network.MinimumImageSize} x {network.MinimumImageSize}. Raise ImageSize or take a backbone for small images."
            )
            .ThrowIfAny(nameof(options));
    }
}
