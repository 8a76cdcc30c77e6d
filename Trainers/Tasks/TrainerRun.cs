using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// One training of a model, from data to network: what all tasks do alike. Options are only read. Frees what it owns when it is disposed.
/// </summary>
internal abstract class TrainerRun(IHost host, IChannel channel, TrainerOptions options) : IDisposable
{
    private readonly CheckpointOptions? checkpoint = CheckpointOf(options);
    private readonly List<IDisposable> owned = [];

    protected long Seed { get; } = SeedOf(options, host);

    protected DeviceChoice Device { get; } = DeviceChoice.Make(options.Device, host);

    protected IHost Host => host;

    protected IChannel Channel => channel;

    /// <summary>Whether the options' token was cancelled: then the best model so far is given, and its summary says so.</summary>
    protected bool Canceled => options.CancellationToken.IsCancellationRequested;

    /// <summary>The result of a training that was cancelled before it began.</summary>
    protected static TrainingResult NothingDone { get; } = new(StopReason.Canceled, 0, 0, 0, 0, [], null, null, 0, 0);

    public void Dispose()
    {
        for (var i = owned.Count - 1; i >= 0; i--)
            owned[i].Dispose();
    }

    /// <summary>The first thing of a training: refuses what only data can tell, and says where it computes.</summary>
    protected void Begin(IDataView? validationData)
    {
        if (options.EarlyStoppingCriteria is not null && validationData is null && options.ValidationSetFraction is null)
            throw new ArgumentException(
                "EarlyStoppingCriteria watches a validation metric: set ValidationSet or ValidationSetFraction as well."
            );
        channel.Info($"The network computes on {Device.Device}: {Device.Reason}.");
        if (Device.IsFallback)
            channel.Warning($"Training runs on the CPU: {Device.Reason}");
        channel.Info($"The seed is {Seed}.");
    }

    /// <summary>Stops work that was told to stop: by the options' token or by the context.</summary>
    protected void ThrowIfStopped()
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        CheckAlive();
    }

    /// <summary>Stops work when the context was told to stop.</summary>
    protected void CheckAlive() => Hosts.CheckAlive(host);

    /// <summary>The options' loss for these data; owned.</summary>
    protected LossFunction BuildLoss(LossContext context) => BuildLoss(options.TrainedLoss!, context);

    /// <summary>A loss for these data; owned.</summary>
    protected LossFunction BuildLoss(Loss definition, LossContext context) =>
        Own(
            definition.Build(
                context with
                {
                    Device = Device.Device,
                    Seed = Seed,
                    OpenNetwork = BackboneFeatures.Open,
                    Warn = channel.Warning,
                }
            )
        );

    /// <summary>Trains a network on its device.</summary>
    /// <param name="network">The network.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="batches">What it learns from.</param>
    /// <param name="forward">From a batch to the inputs of the loss.</param>
    /// <param name="validate">Measures the network, or null.</param>
    /// <param name="facts">What must be the same when the training is resumed; what all trainers share is added.</param>
    /// <param name="reports">Told how it goes.</param>
    /// <param name="monitoring">What the task tells log, report and TensorBoard; null: nothing of its own.</param>
    protected TrainingResult Train<TNetwork>(
        TNetwork network,
        LossFunction loss,
        IBatchSource batches,
        Func<TrainingBatch, LossInputs> forward,
        Func<CancellationToken, ValidationMetrics>? validate,
        IReadOnlyDictionary<string, string> facts,
        TrainingReporter reports,
        TaskMonitoring? monitoring = null
    )
        where TNetwork : nn.Module, ILayeredNetwork
    {
        var job = new TrainingJob
        {
            Network = network,
            Loss = loss,
            Batches = batches,
            Forward = batch =>
            {
                CheckAlive();
                return forward(batch);
            },
            Validate = validate,
            Options = TrainingOptions(),
            Groups = ParameterGroups(network),
            Checkpoint = checkpoint,
            Facts = Facts(facts),
            Generators = new Dictionary<string, Generator> { ["network"] = network.Randomness },
            UsesGlobalRandom = false,
            Progress = reports,
            ProgressInterval = options.ProgressInterval,
            Log = channel.Info,
            Threads = options.Threads,
            Monitoring = (monitoring ?? new()).Options(options, Seed),
            DescribeRows = monitoring?.DescribeRows,
        };
        var result = TrainingLoop.Run(job, options.CancellationToken);
        channel.Info(
            $"{result.Reason} after {Quantity.Of(result.Epochs, "epoch")} and {Quantity.Of(result.Steps, "step")} in {result.Seconds.ToString("0.0", CultureInfo.InvariantCulture)} s; the model holds "
                + result.KeptEpoch switch
                {
                    null => "the weights of the unfinished epoch.",
                    0 => "the initial weights.",
                    var kept => $"the weights of epoch {kept}.",
                }
        );
        return result;
    }

    protected T Own<T>(T value)
        where T : IDisposable
    {
        owned.Add(value);
        return value;
    }

    private TrainingOptions TrainingOptions() =>
        new()
        {
            Epochs = options.Epoch,
            Optimizer = options.LearningRate is { } rate ? options.Optimizer with { LearningRate = rate } : options.Optimizer,
            Schedule = options.Schedule,
            LossWeighting = options.LossWeighting,
            Averaging = options.WeightAveraging,
            ClipNorm = options.GradientClipNorm,
            ClipValue = options.GradientClipValue,
            AccumulateBatches = options.AccumulateBatches,
            LossLearningRateFactor = options.LossLearningRateFactor,
            EarlyStopping = options.EarlyStoppingCriteria,
            RestoreBest = options.RestoreBest,
            Seed = Seed,
        };

    /// <summary>One group a group of layers that learns; the last at full pace, each group before it at less.</summary>
    private ParameterGroup[] ParameterGroups<TNetwork>(TNetwork network)
        where TNetwork : nn.Module, ILayeredNetwork
    {
        var parameters = network.named_parameters().ToLookup(pair => network.GroupOf(pair.name), pair => pair.parameter);
        return
        [
            .. Enumerable
                .Range(options.FrozenLayerGroups, network.LayerGroups.Count - options.FrozenLayerGroups)
                .Where(index => parameters[index].Any())
                .Select(index => new ParameterGroup(network.LayerGroups[index].Name, [.. parameters[index]])
                {
                    LearningRateFactor = Math.Pow(options.LayerLearningRateDecay, network.LayerGroups.Count - 1 - index),
                }),
        ];
    }

    private Dictionary<string, string> Facts(IReadOnlyDictionary<string, string> ofTask) =>
        new(ofTask)
        {
            ["backbone"] = $"{options.Backbone}",
            ["batch size"] = FormattableString.Invariant($"{options.BatchSize}, last dropped: {options.DropLastBatch}"),
            ["frozen groups"] = FormattableString.Invariant($"{options.FrozenLayerGroups}"),
            ["layer decay"] = FormattableString.Invariant($"{options.LayerLearningRateDecay}"),
        };

    private static CheckpointOptions? CheckpointOf(TrainerOptions options) =>
        options.CheckpointFolder is { } folder
            ? new(Path.Combine(folder, "checkpoint.safetensors")) { EveryEpochs = options.CheckpointEveryEpochs, Resume = options.Resume }
            : null;

    /// <summary>The seed that was given, else that of the training to go on with, else any.</summary>
    private static long SeedOf(TrainerOptions options, IHost host) =>
        options.Seed ?? Hosts.Seed(host) ?? (CheckpointOf(options) is { } kept ? Checkpoint.SavedSeed(kept) : null) ?? Random.Shared.Next();
}
