using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;

namespace MLNetLosses;

/// <summary>One training of an object detector: from data to a model. Options are only read.</summary>
internal sealed class ObjectDetectionRun(IHost host, IChannel channel, ObjectDetectionTrainer.Options options)
    : TrainerRun(host, channel, options)
{
    private const double ValidationThreshold = 0.05;

    // A threshold chosen for metrics, such as 0.05, would cover the pictures of a report with what nobody would call found.
    private const double ShownThreshold = 0.5;

    /// <summary>Trains a model.</summary>
    public ObjectDetectionTransformer Fit(IDataView input, IDataView? validationData)
    {
        Begin(validationData);
        var columns = ObjectColumns.Find(input.Schema, options, Host);
        var network = Own(MakeNetwork(columns));
        var preprocessing = new ImagePreprocessing { Mean = [.. network.Body.InputMean], Std = [.. network.Body.InputStd] };
        if (Canceled)
            return Finish(network, columns, preprocessing, [], NothingDone);
        DetectionData data;
        try
        {
            data = Own(DetectionData.Read(input, validationData, columns, preprocessing, options, Seed, Host, Channel, ThrowIfStopped));
        }
        catch (OperationCanceledException) when (Canceled)
        {
            return Finish(network, columns, preprocessing, [], NothingDone);
        }
        var result = Train(network, columns, data, preprocessing);
        Channel.Info(
            $"Kept decoded in memory: {data.Training.Images.Cached} of {Quantity.Of(data.Training.Images.Count, "training image")}."
        );
        return Finish(network, columns, preprocessing, data.ClassCounts(columns.ClassCount), result);
    }

    private DetectionNetwork MakeNetwork(ObjectColumns columns)
    {
        var shape = new DetectionNetworkShape(options.Backbone, options.Head, columns.ClassCount, options.ClassificationLoss.HasBackground);
        var network = DetectionNetwork.Create(shape, Seed);
        try
        {
            ObjectDetectionTrainer.Validate(options, network);
            if (options.Weights is { } weights)
                Channel.Info(DetectionWeights.Load(network, weights).ToString());
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

    private TrainingResult Train(DetectionNetwork network, ObjectColumns columns, DetectionData data, ImagePreprocessing preprocessing)
    {
        var loss = BuildLoss(new() { ClassCount = columns.ClassCount, ClassCounts = [.. data.ClassCounts(columns.ClassCount)] });
        using var reports = new TrainingReporter(Host, options);
        var batches = new DetectionBatches(data.Training, data.TrainingPositions, options, network, preprocessing, Device.Device, Seed);
        Channel.Info($"Images are read ahead of the network by {Quantity.Of(batches.ReaderThreads, "thread")}.");
        var inputs = new DetectionLossInputs(network.Shape, options);
        var validation = data.Validation is { } images
            ? new DetectionValidation(
                network,
                images,
                data.ValidationPositions,
                Settings with
                {
                    ScoreThreshold = ValidationThreshold,
                },
                new(preprocessing),
                columns.Names,
                Device.Device,
                batches.ReaderThreads,
                () =>
                    new(
                        images.Images,
                        columns.Names,
                        Math.Max(options.ScoreThreshold, ShownThreshold),
                        draws: options.ReportFile is not null || options.TensorBoardFolder is not null
                    ),
                CheckAlive
            )
            : null;
        var result = Train(
            network,
            loss,
            batches,
            batch => inputs.Make(network.Predict(batch.Input), AnchorTargets.From(batch.Targets)),
            validation is null ? null : validation.Measure,
            Facts(columns, data),
            reports,
            Watched(columns, data, network.Shape)
        );
        batches.Tally.Tell(Channel);
        return result;
    }

    private DetectionSettings Settings =>
        new()
        {
            ScoreThreshold = options.ScoreThreshold,
            IOUThreshold = options.IOUThreshold,
            Suppression = options.Suppression,
            SuppressionSigma = options.SuppressionSigma,
            MaximumDetections = options.MaximumDetections,
        };

    private TaskMonitoring Watched(ObjectColumns columns, DetectionData data, DetectionNetworkShape shape)
    {
        var rows = new Dictionary<string, string>
        {
            ["training images"] = $"{data.TrainingPositions.Length}",
            ["validation images"] = $"{data.ValidationPositions.Length}",
            ["size"] = $"shorter side {options.ImageSize}, longer side at most {options.LongestSide}",
        };
        foreach (var (name, count) in columns.Names.Zip(data.ClassCounts(columns.ClassCount)).Take(100))
            rows[$"training objects of {name}"] = $"{count}";
        return new()
        {
            Task = "object detection",
            Data = rows,
            Classes = columns.Names,
            Picture = row => (row.IsValidation ? data.Validation : data.Training)?.Picture(row.Row),
            DescribeRows = new DetectionTrainedRows(shape, isAlone: options.MosaicProbability == 0).Describe,
            Legend = new("White frames are the objects of the data.", []),
            Source = row => (row.IsValidation ? data.Validation : data.Training)?.Images.SourceOf(row.Row),
        };
    }

    private Dictionary<string, string> Facts(ObjectColumns columns, DetectionData data) =>
        new()
        {
            ["classes"] = string.Join(", ", columns.Names),
            ["images"] = FormattableString.Invariant($"{data.TrainingPositions.Length}"),
            ["objects"] = string.Join(", ", data.ClassCounts(columns.ClassCount)),
            ["head"] = $"{options.Head}",
            ["matching"] = $"{options.UsedMatching}",
            ["sampling"] = $"{options.Sampling}",
            ["image size"] = FormattableString.Invariant(
                $"{options.ImageSize} to {options.LongestSide}, training {options.TrainingImageSizes}"
            ),
            ["augmentation"] = FormattableString.Invariant($"{options.Augmentation}, mosaic {options.MosaicProbability}"),
        };

    private ObjectDetectionTransformer Finish(
        DetectionNetwork network,
        ObjectColumns columns,
        ImagePreprocessing preprocessing,
        long[] classCounts,
        TrainingResult result
    )
    {
        var model = new DetectionModel
        {
            Backbone = options.Backbone,
            Head = options.Head,
            ClassCount = columns.ClassCount,
            HasBackground = network.Shape.HasBackground,
            Preprocessing = preprocessing,
            ShorterSide = options.ImageSize,
            LongerSide = options.LongestSide,
            ImageColumnName = options.FeatureColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            ScoreColumnName = options.ScoreColumnName,
            PredictedBoundingBoxColumnName = options.PredictedBoundingBoxColumnName,
            SkipUndecodableImages = options.SkipUndecodableImages,
            Settings = Settings,
            ClassificationLoss = options.ClassificationLoss.ToString(),
            BoxLoss = options.BoxLoss.ToString(),
            DistributionLoss = options.UsedDistributionLoss?.ToString(),
            LossFacts = new(
                options.ClassificationLossWeight,
                options.BoxLossWeight,
                options.QualityLossWeight,
                options.UsedMatching,
                options.SkipInvalidBoxes,
                classCounts,
                options.DistributionLossWeight
            ),
            Summary = result,
        };
        return new(Host, model, NetworkDetector.Of(network, model, Device.Device), columns.Values);
    }
}
