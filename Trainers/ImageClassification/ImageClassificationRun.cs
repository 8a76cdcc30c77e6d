using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using TorchSharp.Modules;

namespace MLNetLosses;

/// <summary>One training of an image classifier: from data to a model. Options are only read.</summary>
internal sealed class ImageClassificationRun(IHost host, IChannel channel, ImageClassificationTrainer.Options options) : IDisposable
{
    private readonly CheckpointOptions? checkpoint = Checkpoint(options);
    private readonly long seed = Seed(options, host);
    private readonly DeviceChoice device = DeviceChoice.Make(options.Device, host);
    private readonly List<IDisposable> owned = [];

    /// <summary>Trains a model.</summary>
    public ImageClassificationTransformer Fit(IDataView input, IDataView? validationData)
    {
        if (options.EarlyStoppingCriteria is not null && validationData is null && options.ValidationSetFraction is null)
            throw new ArgumentException(
                "EarlyStoppingCriteria watches a validation metric: set ValidationSet or ValidationSetFraction as well."
            );
        Announce();
        var network = Own(MakeNetwork(input, out var label, out var preprocessing, out var weightReport));
        if (options.CancellationToken.IsCancellationRequested)
            return Finish(network, label, preprocessing, NothingDone());
        if (weightReport is not null)
            channel.Info(weightReport.ToString());
        ClassificationData data;
        try
        {
            data = Own(ClassificationData.Read(input, validationData, label, preprocessing, options, seed, device.Device, host, channel));
        }
        catch (OperationCanceledException) when (options.CancellationToken.IsCancellationRequested)
        {
            return Finish(network, label, preprocessing, NothingDone());
        }
        var result = Train(network, data);
        channel.Info(
            $"Kept decoded in memory: {data.Training.Images.Cached} of {Quantity.Of(data.Training.Images.Count, "training image")}."
        );
        return Finish(network, label, preprocessing, result);
    }

    public void Dispose()
    {
        for (var i = owned.Count - 1; i >= 0; i--)
            owned[i].Dispose();
    }

    private void Announce()
    {
        channel.Info($"The network computes on {device.Device}: {device.Reason}.");
        if (device.IsFallback)
            channel.Warning($"Training runs on the CPU: {device.Reason}");
        channel.Info($"The seed is {seed}.");
    }

    private BackboneNetwork MakeNetwork(
        IDataView input,
        out LabelColumn label,
        out ImagePreprocessing preprocessing,
        out WeightReport? report
    )
    {
        label = LabelColumn.Find(input.Schema, options.LabelColumnName, host);
        var channels = options.Preprocessing?.Channels ?? 3;
        var network = BackboneNetwork.Create(options.Backbone, label.ClassCount, seed, channels);
        try
        {
            var size = options.ImageSize ?? network.DefaultImageSize;
            preprocessing =
                options.Preprocessing
                ?? new()
                {
                    Width = size,
                    Height = size,
                    Mean = [.. network.InputMean],
                    Std = [.. network.InputStd],
                };
            ImageClassificationTrainer.Validate(options, network, preprocessing.Width, preprocessing.Height);
            report = options.Weights is null ? null : WeightLoader.Load(network, options.Weights);
            network.Freeze(options.FrozenLayerGroups);
            network.to(device.Device);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private TrainingResult Train(BackboneNetwork network, ClassificationData data)
    {
        var context = new LossContext
        {
            ClassCount = network.ClassCount,
            ClassCounts = data.ClassCounts,
            EmbeddingSize = network.EmbeddingSize,
            Device = device.Device,
            Seed = seed,
        };
        var loss = Own(options.Loss.Build(context));
        using var reports = new TrainingReporter(host, options, network.ClassCount);
        var validation = data.ValidationLoader is { } images
            ? new ClassificationValidation(network, images, options.MonitoredMetric, CheckAlive)
            : null;
        var job = new TrainingJob
        {
            Network = network,
            Loss = loss,
            Batches = new ClassificationBatches(data.TrainingLoader),
            Forward = batch =>
            {
                CheckAlive();
                var logits = network.call(batch.Input);
                reports.Observe(batch, logits);
                return ClassificationBatches.WithLogits(batch, logits);
            },
            Validate = validation is null ? null : validation.Measure,
            Options = TrainingOptions(),
            Groups = ParameterGroups(network),
            Checkpoint = checkpoint,
            Facts = Facts(network, data),
            Generators = new Dictionary<string, torch.Generator> { ["network"] = network.Randomness },
            UsesGlobalRandom = false,
            Progress = reports,
            ProgressInterval = options.ProgressInterval,
            Log = line => channel.Info(line),
            Threads = options.Threads,
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
            Seed = seed,
        };

    /// <summary>One group a group of layers that learns; the head at full pace, each group before it at less.</summary>
    private ParameterGroup[] ParameterGroups(BackboneNetwork network)
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

    private Dictionary<string, string> Facts(BackboneNetwork network, ClassificationData data) =>
        new()
        {
            ["backbone"] = $"{network.Backbone}",
            ["classes"] = string.Join(", ", data.Label.Names),
            ["images"] = FormattableString.Invariant($"{data.TrainingLoader.Count}"),
            ["class counts"] = string.Join(", ", data.ClassCounts),
            ["preprocessing"] = data.Preprocessing.ToString(),
            ["augmentation"] = $"{options.Augmentation}",
            ["order"] = $"{options.SampleOrder}",
            ["batch size"] = FormattableString.Invariant($"{options.BatchSize}, last dropped: {options.DropLastBatch}"),
            ["class weights"] = $"{options.ClassWeights}",
            ["frozen groups"] = FormattableString.Invariant($"{options.FrozenLayerGroups}"),
            ["layer decay"] = FormattableString.Invariant($"{options.LayerLearningRateDecay}"),
            ["metric"] = $"{options.MonitoredMetric}",
        };

    private ImageClassificationTransformer Finish(
        BackboneNetwork network,
        LabelColumn label,
        ImagePreprocessing preprocessing,
        TrainingResult result
    )
    {
        var model = new ImageClassificationModel
        {
            Backbone = network.Backbone,
            ClassCount = network.ClassCount,
            Preprocessing = preprocessing,
            ImageColumnName = options.FeatureColumnName,
            ScoreColumnName = options.ScoreColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            SkipUndecodableImages = options.SkipUndecodableImages,
            Loss = options.Loss.ToString(),
            Summary = result,
        };
        return new(host, model, NetworkClassifier.Of(network, model, device.Device), label.Values);
    }

    private static CheckpointOptions? Checkpoint(ImageClassificationTrainer.Options options) =>
        options.CheckpointFolder is { } folder
            ? new(Path.Combine(folder, "checkpoint.safetensors")) { EveryEpochs = options.CheckpointEveryEpochs, Resume = options.Resume }
            : null;

    /// <summary>The seed that was given, else that of the training to go on with, else any.</summary>
    private static long Seed(ImageClassificationTrainer.Options options, IHost host) =>
        options.Seed
        ?? Hosts.Seed(host)
        ?? (Checkpoint(options) is { } kept ? Training.Checkpoint.SavedSeed(kept) : null)
        ?? Random.Shared.Next();

    private static TrainingResult NothingDone() => new(StopReason.Canceled, 0, 0, 0, 0, [], null, null, 0, 0);

    private void CheckAlive() => Hosts.CheckAlive(host);

    private T Own<T>(T value)
        where T : IDisposable
    {
        owned.Add(value);
        return value;
    }
}
