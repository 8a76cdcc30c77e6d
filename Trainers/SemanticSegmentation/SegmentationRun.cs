using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;

namespace MLNetLosses;

/// <summary>One training of a segmentation network: from data to a model. Options are only read.</summary>
internal sealed class SegmentationRun(IHost host, IChannel channel, SemanticSegmentationTrainer.Options options)
    : TrainerRun(host, channel, options)
{
    private const int UsualCrop = 256;
    private readonly bool ownSize = options.ImageWidth is null;
    private readonly bool deep = SegmentationLosses.IsSupervisedDeeply(options.Loss);

    /// <summary>Trains a model.</summary>
    public SemanticSegmentationTransformer Fit(IDataView input, IDataView? validationData)
    {
        Begin(validationData);
        var preprocessing = Preprocessing();
        var loading = Loading();
        SegmentationData data;
        try
        {
            ThrowIfStopped();
            data = Own(
                SegmentationData.Read(
                    input,
                    validationData,
                    preprocessing,
                    ownSize,
                    options,
                    loading.Readers,
                    Seed,
                    Host,
                    Channel,
                    ThrowIfStopped
                )
            );
        }
        catch (OperationCanceledException) when (Canceled)
        {
            return Untrained(input, preprocessing);
        }
        var shape = new SegmentationShape(
            options.Architecture,
            options.Backbone,
            data.Outputs,
            preprocessing.Channels,
            SegmentationLosses.SideHeads(options.Loss)
        );
        var network = MakeNetwork(shape);
        var result = Canceled ? NothingDone : Train(network, data, loading);
        Channel.Info($"Kept decoded in memory: {data.Training.Cached} of {Quantity.Of(data.Training.Count, "image")}.");
        return Finish(network, preprocessing, data.Mode, data.Classes, result);
    }

    /// <summary>Cancelled before the masks said how many classes there are: a model of those that are named, or of two.</summary>
    private SemanticSegmentationTransformer Untrained(IDataView input, ImagePreprocessing preprocessing)
    {
        var names =
            options.ClassNames
            ?? MaskColumn.Find(input.Schema, options.LabelColumnName, "masks (LabelColumnName)", Host).ClassNames
            ?? ["class 0", "class 1"];
        var mode = options.Mode == SegmentationMode.Auto ? SegmentationMode.Multiclass : options.Mode;
        var outputs = mode == SegmentationMode.Binary ? 1 : names.Count;
        var network = MakeNetwork(new(options.Architecture, options.Backbone, outputs, preprocessing.Channels));
        return Finish(network, preprocessing, mode, names, NothingDone);
    }

    private ImagePreprocessing Preprocessing()
    {
        var channels = options.Color == ImageColor.Gray ? 1 : 3;
        var (mean, std) = InputStatistics.Of(options.Backbone, channels);
        var preprocessing = new ImagePreprocessing
        {
            Resize = ResizeRule.Stretch,
            Color = options.Color,
            Mean = [.. mean],
            Std = [.. std],
        };
        return ownSize ? preprocessing : preprocessing with { Width = options.ImageWidth!.Value, Height = options.ImageHeight!.Value };
    }

    private ImageLoaderOptions Loading()
    {
        var loading = new ImageLoaderOptions
        {
            BatchSize = options.BatchSize,
            Seed = Seed,
            DropLast = options.DropLastBatch,
            Augmentation = options.Augmentation,
            Device = Device.Device,
        };
        if (options.ReaderThreads is { } readers)
            loading = loading with { Readers = readers };
        Channel.Info($"Images are read ahead of the network by {Quantity.Of(loading.Readers, "thread")}.");
        return loading;
    }

    private SegmentationNetwork MakeNetwork(SegmentationShape shape)
    {
        var network = Own(SegmentationNetwork.Create(shape, Seed));
        SemanticSegmentationTrainer.Validate(options, network);
        if (options.Weights is { } weights)
            Channel.Info(network.Load(weights).ToString());
        network.Freeze(options.FrozenLayerGroups);
        network.to(Device.Device);
        return network;
    }

    private TrainingResult Train(SegmentationNetwork network, SegmentationData data, ImageLoaderOptions loading)
    {
        var definition = FitLoss(data, network.SideHeads + 1, out var canIgnore);
        if (deep)
            Channel.Info($"Outputs are compared at {Quantity.Of(network.SideHeads + 1, "scale")}.");
        var loss = BuildLoss(
            definition,
            new()
            {
                ClassCount = data.Outputs,
                ClassCounts = data.ClassAreas,
                EmbeddingSize = data.Outputs,
            }
        );
        var size = (options.CropWidth ?? options.ImageWidth ?? UsualCrop, options.CropHeight ?? options.ImageHeight ?? UsualCrop);
        var layers = data.Training.LayerCount;
        var batches = Own(
            new SegmentationLoader(
                data.Training,
                data.TrainingPositions,
                size,
                layers,
                canIgnore ? SegmentationMask.Ignored : (byte)0,
                SegmentationLosses.Maps(definition, data.Outputs, layers > 0),
                loading
            )
        );
        using var reports = new TrainingReporter(Host, options);
        var validation = data.Validation is null
            ? null
            : new SegmentationValidation(
                network,
                data,
                Tiling(network),
                Device.Device,
                options.MonitoredMetric,
                options.ReportFile is not null || options.TensorBoardFolder is not null,
                CheckAlive
            );
        return Train(
            network,
            loss,
            batches,
            batch => deep ? WithAllLogits(batch, network) : batch.Targets.With(("logits", network.call(batch.Input))),
            validation is null ? null : validation.Measure,
            Facts(data, network, size),
            reports,
            Watched(data)
        );
    }

    private static TaskMonitoring Watched(SegmentationData data)
    {
        var facts = new Dictionary<string, string>
        {
            ["training images"] = $"{data.TrainingPositions.Count}",
            ["validation images"] = $"{data.ValidationPositions?.Count ?? 0}",
            ["masks"] = $"{data.Mode}",
        };
        foreach (var (name, area) in data.Classes.Zip(data.ClassAreas).Take(100))
            facts[$"training pixels of {name}"] = $"{area}";
        return new()
        {
            Task = "semantic segmentation",
            Data = facts,
            Classes = data.Classes,
            Picture = row => Images(row)?.Picture(row.Row),
            Source = row => Images(row)?.SourceOf(row.Row),
            Legend = new("The colours are those of the mask.", ColorsOf(data)),
            DescribeRows = SegmentationTrainedRows.Describe,
        };

        MaskedImageStore? Images(RowReference row) => row.IsValidation ? data.Validation : data.Training;
    }

    // Of layers, the first class has the colour that index 1 has: what is none of them has none.
    private static IReadOnlyList<(string, uint)> ColorsOf(SegmentationData data) =>
        [
            .. data.Classes.Zip(MaskPalette.Of(null).Skip(data.Mode == SegmentationMode.Multilabel ? 1 : 0)),
            .. data.IgnoredPixels > 0 ? [("not counted", MaskPalette.Ignored)] : Array.Empty<(string, uint)>(),
        ];

    private static LossInputs WithAllLogits(TrainingBatch batch, SegmentationNetwork network)
    {
        var logits = network.AllLogits(batch.Input);
        return batch.Targets.With([("logits", logits[0]), .. logits.Select((each, i) => ($"logits{i}", each))]);
    }

    /// <summary>What is ignored and what classes weigh reaches every term; deep supervisions with fewer weights than there are scales leave the others out.</summary>
    private SegmentationLoss FitLoss(SegmentationData data, int scales, out bool canIgnore)
    {
        var loss = SegmentationLosses.WeighingScales(SegmentationLosses.Ignoring(options.Loss, options.IgnoreIndex), scales);
        var form = data.Mode == SegmentationMode.Multilabel ? TargetForms.Labels : TargetForms.Indices;
        if (SegmentationLosses.NotTaking(loss, form) is { Count: > 0 } parts)
            throw new ArgumentException(
                $"{string.Join(" and ", parts)} {(parts.Count == 1 ? "does" : "do")} not take {(form == TargetForms.Labels ? "masks of layers, whose classes may overlap: take BinaryCrossEntropy, Dice or another loss on labels" : "masks of class indices: take another loss, or masks of layers")}."
            );
        canIgnore = SegmentationLosses.CannotIgnore(loss) is null;
        if (!canIgnore && data.IgnoredPixels > 0)
            throw new ArgumentException(
                $"{SegmentationLosses.CannotIgnore(loss)} cannot leave pixels out, and {data.IgnoredPixels:N0} pixels of the training masks are to be ignored. Take another loss."
            );
        if (options.ClassWeights is not { } given)
            return loss;
        var weights = given.For(data.Classes, data.ClassAreas);
        var weighed = SegmentationLosses.Weighing(loss, weights, data.Outputs, out var names);
        if (names.Count == 0)
            throw new ArgumentException(
                $"ClassWeights are set, but no part of {options.Loss} takes class weights{(data.Mode == SegmentationMode.Binary ? " of one output" : "")} (or it has its own). Set ClassWeights to null, or take a loss with them, such as CrossEntropy."
            );
        Channel.Info(
            $"Class weights of {string.Join(", ", names)}: {string.Join(", ", data.Classes.Zip(weights, (name, weight) => FormattableString.Invariant($"{name} {weight:0.###}")))}."
        );
        return weighed;
    }

    private TilePlan Tiling(SegmentationNetwork network) => new(options.PredictionPixels, options.TileOverlap, network.Stride);

    private Dictionary<string, string> Facts(SegmentationData data, SegmentationNetwork network, (int Width, int Height) size) =>
        new()
        {
            ["architecture"] = $"{options.Architecture}",
            ["mode"] = $"{data.Mode}",
            ["classes"] = string.Join(", ", data.Classes),
            ["images"] = FormattableString.Invariant($"{data.TrainingPositions.Count}"),
            ["class areas"] = string.Join(", ", data.ClassAreas),
            ["image size"] = ownSize ? "own" : $"{options.ImageWidth} x {options.ImageHeight}",
            ["learned part"] = $"{size.Width} x {size.Height}",
            ["color"] = $"{options.Color}",
            ["augmentation"] = $"{options.Augmentation}",
            ["ignored index"] = $"{options.IgnoreIndex}",
            ["metric"] = $"{options.MonitoredMetric}",
            ["supervised scales"] = FormattableString.Invariant($"{network.SideHeads + 1}"),
        };

    private SemanticSegmentationTransformer Finish(
        SegmentationNetwork network,
        ImagePreprocessing preprocessing,
        SegmentationMode mode,
        IReadOnlyList<string> classes,
        TrainingResult result
    )
    {
        var model = new SegmentationModel
        {
            Architecture = options.Architecture,
            Backbone = options.Backbone,
            Mode = mode,
            Classes = [.. classes],
            IgnoreIndex = options.IgnoreIndex,
            Preprocessing = preprocessing,
            OwnSize = ownSize,
            PredictionPixels = options.PredictionPixels,
            TileOverlap = options.TileOverlap,
            ImageColumnName = options.FeatureColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            AreasColumnName = options.AreasColumnName,
            ProbabilitiesColumnName = options.ProbabilitiesColumnName,
            SkipUndecodableImages = options.SkipUndecodableImages,
            Loss = options.Loss.ToString(),
            Summary = result,
        };
        return new(Host, model, PixelClassifier.Of(network, model, Device.Device));
    }
}
