using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>Finds everything that is wrong with a set of options, to say it at once.</summary>
internal sealed class OptionChecks(string trainer)
{
    private readonly List<string> problems = [];

    public OptionChecks Require(bool holds, string otherwise)
    {
        if (!holds)
            problems.Add(otherwise);
        return this;
    }

    public OptionChecks Name(string option, string? value) =>
        Require(!string.IsNullOrWhiteSpace(value), $"{option} must name a column; it is {(value is null ? "null" : "empty")}.");

    public OptionChecks OptionalName(string option, string? value) =>
        Require(value is null || !string.IsNullOrWhiteSpace(value), $"{option} must name a column or be null; it is empty.");

    public OptionChecks Place(string option, string? value) =>
        Require(value is null || !string.IsNullOrWhiteSpace(value), $"{option} must name a place or be null; it is empty.");

    public OptionChecks Defined<T>(string option, T value)
        where T : struct, Enum =>
        Require(Enum.IsDefined(value), $"{option} must be one of {string.Join(", ", Enum.GetNames<T>())}; it is {value}.");

    public OptionChecks AtLeast(string option, long? value, long least) =>
        Require(value is null || value >= least, $"{option} must be {least} or more; it is {value}.");

    /// <summary>The length of a side of images.</summary>
    public OptionChecks Size(string option, int? value) =>
        Require(value is null or (>= 1 and <= 16384), $"{option} must be 1 to 16384; it is {value}.");

    /// <summary>Refuses NaN too.</summary>
    public OptionChecks Number(string option, double? value, double low, double high, bool includesLow = true, bool includesHigh = true) =>
        Require(
            value is not { } v || (v > low || (includesLow && v == low)) && (v < high || (includesHigh && v == high)) && double.IsFinite(v),
            FormattableString.Invariant(
                $"{option} must be a number {(includesLow ? $"of at least {low}" : $"above {low}")}{(double.IsInfinity(high) ? "" : $" and {(includesHigh ? $"at most {high}" : $"below {high}")}")}; it is {value}."
            )
        );

    /// <summary>What is wrong with the options that all trainers share.</summary>
    public OptionChecks Shared(TrainerOptions options) =>
        Name(nameof(options.LabelColumnName), options.LabelColumnName)
            .Name(nameof(options.FeatureColumnName), options.FeatureColumnName)
            .Number(nameof(options.ValidationSetFraction), options.ValidationSetFraction, 0, 1, includesLow: false, includesHigh: false)
            .Require(
                options.ValidationSet is null || options.ValidationSetFraction is null,
                "ValidationSet and ValidationSetFraction exclude each other; set one of them to null."
            )
            .Given("Loss", options.TrainedLoss)
            .Valid("Loss", options.TrainedLoss)
            .Valid(nameof(options.LossWeighting), options.LossWeighting)
            .Require(
                options.LossWeighting is null || (options.TrainedLoss is ISumLoss sum && sum.Terms.Count(term => term.Weight > 0) > 1),
                $"LossWeighting combines the terms of a sum, and Loss is {options.TrainedLoss}: add up two losses or more, or set LossWeighting to null."
            )
            .Defined(nameof(options.Backbone), options.Backbone)
            .Require(
                options.Weights is null || !string.IsNullOrWhiteSpace(options.Weights),
                "Weights must name a file or be null; it is empty."
            )
            .AtLeast(nameof(options.FrozenLayerGroups), options.FrozenLayerGroups, 0)
            .Number(nameof(options.LayerLearningRateDecay), options.LayerLearningRateDecay, 0, 1, includesLow: false)
            .Place(nameof(options.TrainingLogFile), options.TrainingLogFile)
            .Place(nameof(options.TensorBoardFolder), options.TensorBoardFolder)
            .Place(nameof(options.ReportFile), options.ReportFile)
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
            .AtLeast(nameof(options.ProgressInterval), options.ProgressInterval, 1);

    /// <summary>What only the network can tell.</summary>
    public OptionChecks Layers(TrainerOptions options, ILayeredNetwork network) =>
        Require(
                options.FrozenLayerGroups <= network.LayerGroups.Count,
                $"FrozenLayerGroups is {options.FrozenLayerGroups}, but {options.Backbone} has {network.LayerGroups.Count} groups: {string.Join(", ", network.LayerGroups)}."
            )
            .Require(
                options.Epoch == 0 || options.FrozenLayerGroups < network.LayerGroups.Count,
                $"FrozenLayerGroups freezes all {network.LayerGroups.Count} groups of {options.Backbone}: nothing is left to train. Set Epoch to 0, or freeze fewer."
            );

    public OptionChecks Given(string option, object? value) => Require(value is not null, $"{option} must not be null.");

    /// <summary>Checks the options inside a definition.</summary>
    public OptionChecks Valid(string option, Definition? definition) => Try(option, () => definition?.Validate());

    public OptionChecks Try(string option, Action check)
    {
        try
        {
            check();
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            problems.Add($"{option}: {e.Message}");
        }
        return this;
    }

    /// <exception cref="ArgumentException">Something was wrong; the message lists all of it.</exception>
    public void ThrowIfAny(string parameter)
    {
        if (problems.Count == 1)
            throw new ArgumentException($"{trainer}: {problems[0]}", parameter);
        if (problems.Count > 1)
            throw new ArgumentException(
                $"{trainer}: {problems.Count} options cannot be used.\n- {string.Join("\n- ", problems)}",
                parameter
            );
    }
}
