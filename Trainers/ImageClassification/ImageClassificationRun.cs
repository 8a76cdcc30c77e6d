using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;

namespace MLNetLosses;

/// <summary>One training of an image classifier: from data to a model. Options are only read.</summary>
internal sealed class ImageClassificationRun(IHost host, IChannel channel, ImageClassificationTrainer.Options options)
    : TrainerRun(host, channel, options)
{
    /// <summary>Trains a model.</summary>
    public ImageClassificationTransformer Fit(IDataView input, IDataView? validationData)
    {
        Begin(validationData);
        var network = Own(MakeNetwork(input, out var label, out var preprocessing, out var weightReport));
        if (Canceled)
            return Finish(network, label, preprocessing, NothingDone);
        if (weightReport is not null)
            Channel.Info(weightReport.ToString());
        ClassificationData data;
        try
        {
            data = Own(
                ClassificationData.Read(
                    input,
                    validationData,
                    label,
                    preprocessing,
                    options,
                    Seed,
                    Device.Device,
                    Host,
                    Channel,
                    ThrowIfStopped
                )
            );
        }
        catch (OperationCanceledException) when (Canceled)
        {
            return Finish(network, label, preprocessing, NothingDone);
        }
        var result = Train(network, data);
        Channel.Info(
            $"Kept decoded in memory: {data.Training.Images.Cached} of {Quantity.Of(data.Training.Images.Count, "training image")}."
        );
        return Finish(network, label, preprocessing, result);
    }

    private BackboneNetwork MakeNetwork(
        IDataView input,
        out LabelColumn label,
        out ImagePreprocessing preprocessing,
        out WeightReport? report
    )
    {
        label = LabelColumn.Find(input.Schema, options.LabelColumnName, Host);
        var channels = options.Preprocessing?.Channels ?? 3;
        var network = BackboneNetwork.Create(options.Backbone, label.ClassCount, Seed, channels);
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
            network.to(Device.Device);
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
        var loss = BuildLoss(
            new()
            {
                ClassCount = network.ClassCount,
                ClassCounts = data.ClassCounts,
                EmbeddingSize = network.EmbeddingSize,
            }
        );
        using var reports = new ClassificationReporter(Host, options);
        var validation = data.ValidationLoader is { } images
            ? new ClassificationValidation(
                network,
                images,
                data.Label.Names,
                MonitoringOptions.DefaultHardestRows,
                options.MonitoredMetric,
                CheckAlive
            )
            : null;
        return Train(
            network,
            loss,
            new ClassificationBatches(data.TrainingLoader),
            batch =>
            {
                var logits = network.call(batch.Input);
                reports.Observe(batch, logits);
                return ClassificationBatches.WithLogits(batch, logits);
            },
            validation is null ? null : validation.Measure,
            Facts(data),
            reports,
            Watched(data)
        );
    }

    private TaskMonitoring Watched(ClassificationData data)
    {
        var (training, validation) = (
            new RowPictures(data.Training.Images),
            data.Validation is { } held ? new RowPictures(held.Images) : null
        );
        var rows = new Dictionary<string, string>
        {
            ["training images"] = $"{data.TrainingLoader.Count}",
            ["validation images"] = $"{data.ValidationLoader?.Count ?? 0}",
            ["size"] = $"{data.Preprocessing.Width} x {data.Preprocessing.Height}, {data.Preprocessing.Channels} channels",
        };
        foreach (var (name, count) in data.Label.Names.Zip(data.ClassCounts).Take(100))
            rows[$"training images of {name}"] = $"{count}";
        return new()
        {
            Task = "image classification",
            Data = rows,
            Classes = data.Label.Names,
            Picture = row => (row.IsValidation ? validation : training)?.Picture(row.Row),
            Source = row => (row.IsValidation ? validation : training)?.Source(row.Row),
            DescribeRows = TrainedRows.OfLogits,
        };
    }

    private Dictionary<string, string> Facts(ClassificationData data) =>
        new()
        {
            ["classes"] = string.Join(", ", data.Label.Names),
            ["images"] = FormattableString.Invariant($"{data.TrainingLoader.Count}"),
            ["class counts"] = string.Join(", ", data.ClassCounts),
            ["preprocessing"] = data.Preprocessing.ToString(),
            ["augmentation"] = $"{options.Augmentation}",
            ["order"] = $"{options.SampleOrder}",
            ["class weights"] = $"{options.ClassWeights}",
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
        return new(Host, model, NetworkClassifier.Of(network, model, Device.Device), label.Values);
    }
}
