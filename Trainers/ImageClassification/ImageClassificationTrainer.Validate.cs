using MLNetLosses.Networks;

namespace MLNetLosses;

public sealed partial class ImageClassificationTrainer
{
    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    private static void Validate(Options options) =>
        new OptionChecks("ImageClassification")
            .Shared(options)
            .Name(nameof(options.ScoreColumnName), options.ScoreColumnName)
            .Name(nameof(options.PredictedLabelColumnName), options.PredictedLabelColumnName)
            .OptionalName(nameof(options.ExampleWeightColumnName), options.ExampleWeightColumnName)
            .Require(
                options.ScoreColumnName != options.PredictedLabelColumnName,
                $"ScoreColumnName and PredictedLabelColumnName must differ; both are '{options.ScoreColumnName}'."
            )
            .Defined(nameof(options.SampleOrder), options.SampleOrder)
            .Require(
                options.ImageSize is null || options.Preprocessing is null,
                "ImageSize and Preprocessing exclude each other: Preprocessing says the size itself."
            )
            .AtLeast(nameof(options.ImageSize), options.ImageSize, 1)
            .Require(options.ImageSize is not > 16384, $"ImageSize must be 16384 or less; it is {options.ImageSize}.")
            .Valid(nameof(options.Preprocessing), options.Preprocessing)
            .Given(nameof(options.Augmentation), options.Augmentation)
            .Defined(nameof(options.MonitoredMetric), options.MonitoredMetric)
            .ThrowIfAny(nameof(options));

    /// <summary>What only the network can tell.</summary>
    internal static void Validate(Options options, BackboneNetwork network, int width, int height) =>
        new OptionChecks("ImageClassification")
            .Layers(options, network)
            .Require(
                Math.Min(width, height) >= network.MinimumImageSize,
                $"Images of {width} x {height} pixels are too small for {options.Backbone}, which needs {network.MinimumImageSize} x {network.MinimumImageSize}. Raise ImageSize or take a backbone for small images."
            )
            .ThrowIfAny(nameof(options));
}
