using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Scoring;
using static TorchSharp.torch;
using Options = MLNetLosses.ImageClassificationTrainer.Options;

namespace MLNetLosses;

/// <summary>The images of a training, and of its validation where there is one, ready to be read in batches.</summary>
internal sealed class ClassificationData : IDisposable
{
    private ClassificationData(
        LabelColumn label,
        ImagePreprocessing preprocessing,
        ClassificationRows training,
        ClassificationRows? validation
    ) => (Label, Preprocessing, Training, Validation) = (label, preprocessing, training, validation);

    public LabelColumn Label { get; }

    public ImagePreprocessing Preprocessing { get; }

    public ClassificationRows Training { get; }

    public ClassificationRows? Validation { get; }

    public ImageLoader TrainingLoader { get; private set; } = null!;

    public ImageLoader? ValidationLoader { get; private set; }

    /// <summary>Training images of each class.</summary>
    public ValueList<long> ClassCounts => Counts(TrainingLoader.Labels, Label.ClassCount);

    /// <summary>Reads the data. Images that are not decoded yet are read when they are needed.</summary>
    /// <exception cref="ArgumentException">The data do not fit the options.</exception>
    /// <exception cref="OperationCanceledException">The options' token or the context was cancelled.</exception>
    public static ClassificationData Read(
        IDataView input,
        IDataView? validationData,
        LabelColumn label,
        ImagePreprocessing preprocessing,
        Options options,
        long seed,
        Device device,
        IHost host,
        IChannel channel,
        Action check
    )
    {
        var columns = new ClassificationRows.Columns(
            ImageColumn.Find(input.Schema, options.FeatureColumnName, host),
            label,
            options.ExampleWeightColumnName is { } weight
                ? NumberColumn.Find(input.Schema, weight, nameof(options.ExampleWeightColumnName), host)
                : null,
            options.ClassWeights?.ColumnName is { } classWeight
                ? NumberColumn.Find(input.Schema, classWeight, nameof(options.ClassWeights), host)
                : null
        );
        var same = Enumerable.Range(0, label.ClassCount).ToArray();
        var held =
            options.ValidationSetFraction is { } share && validationData is null
                ? ValidationSplit.Make(ClassificationRows.ReadLabels(input, label, check), share, seed)
                : null;
        var budget = options.ImageCacheBytes;
        ClassificationRows? validation = null,
            training = null;
        try
        {
            // The validation set has the first claim, up to a quarter of the memory.
            if (validationData is not null)
            {
                var other = new ClassificationRows.Columns(
                    ImageColumn.Find(validationData.Schema, options.FeatureColumnName, host),
                    LabelColumn.Find(validationData.Schema, options.LabelColumnName, host)
                );
                var translation = label.Translate(other.Label, "The validation set");
                validation = ClassificationRows.Read(validationData, other, translation, _ => true, preprocessing, budget / 4, check);
            }
            else if (held is not null)
                validation = ClassificationRows.Read(input, columns, same, row => held[row], preprocessing, budget / 4, check);
            budget -= Math.Min(budget / 4, validation is null ? 0 : (long)validation.Images.Count * preprocessing.ImageBytes);
            training = ClassificationRows.Read(input, columns, same, row => held is null || !held[row], preprocessing, budget, check);
            var data = new ClassificationData(label, preprocessing, training, validation);
            data.MakeLoaders(options, seed, device, channel);
            return data;
        }
        catch
        {
            training?.Dispose();
            validation?.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Training.Dispose();
        Validation?.Dispose();
    }

    private void MakeLoaders(Options options, long seed, Device device, IChannel channel)
    {
        if (Training.Labels.Count == 0)
            throw new ArgumentException(
                Training.Unlabelled == 0
                    ? "The training data have no rows: there is nothing to learn from. Check the folder or the query that they come from."
                    : "No row of the training data has a label. Rows get none where MapValueToKey was fitted on data without their class."
            );
        if (Training.Labels.Distinct().Take(2).Count() < 2)
            throw new ArgumentException(
                $"The training data ({Quantity.Of(Training.Labels.Count, "row")}) are all of one class, '{Label.Names[Training.Labels[0]]}'. At least 2 classes are needed to tell images apart."
            );
        if (Validation is { Labels.Count: 0 })
            throw new ArgumentException(
                options.ValidationSetFraction is null
                    ? "The validation set has no labelled rows. Leave it out, or check where it comes from."
                    : "ValidationSetFraction holds nothing back: every class has one row only. Set it to null, or give more rows."
            );
        var loading = new ImageLoaderOptions
        {
            BatchSize = options.BatchSize,
            Order = options.SampleOrder,
            Seed = seed,
            DropLast = options.DropLastBatch,
            Augmentation = options.Augmentation,
            Device = device,
            SkipUndecodable = options.SkipUndecodableImages,
        };
        if (options.ReaderThreads is { } readers)
            loading = loading with { Readers = readers };
        channel.Info($"Images are read ahead of the network by {Quantity.Of(loading.Readers, "thread")}.");
        TrainingLoader = new(Training.Images, Training.Labels, RowWeights(options), loading, options.CancellationToken);
        Report("training", Training, TrainingLoader, channel);
        if (Validation is null)
            return;
        ValidationLoader = new(
            Validation.Images,
            Validation.Labels,
            null,
            loading with
            {
                BatchSize = BlockSizes.For(Preprocessing.ImageBytes),
                Order = SampleOrder.Sequential,
                DropLast = false,
                Augmentation = Augmentation.None,
            },
            options.CancellationToken
        );
        Report("validation", Validation, ValidationLoader, channel);
    }

    private float[]? RowWeights(Options options)
    {
        float[]? rows = Training.Weights.Count > 0 ? [.. Training.Weights] : null;
        if (rows is not null && rows.All(weight => weight == 0))
            throw new ArgumentException($"All weights in the column '{options.ExampleWeightColumnName}' are 0: nothing could be learned.");
        if (options.ClassWeights is null)
            return rows;
        var classes = options.ClassWeights.For(
            Label.Names,
            Counts(Training.Labels, Label.ClassCount),
            ClassWeightColumn(options.ClassWeights.ColumnName)
        );
        return [.. Training.Labels.Select((label, row) => (float)(classes[label] * (rows?[row] ?? 1)))];
    }

    private double?[]? ClassWeightColumn(string? column)
    {
        if (column is null)
            return null;
        var weights = new double?[Label.ClassCount];
        for (var row = 0; row < Training.Labels.Count; row++)
        {
            var (label, weight) = (Training.Labels[row], Training.ClassWeights[row]);
            if (weights[label] is { } before && before != weight)
                throw new ArgumentException(
                    $"The column '{column}' of class weights gives the class '{Label.Names[label]}' the weights {before} and {weight}. For weights that differ from row to row use ExampleWeightColumnName."
                );
            weights[label] = weight;
        }
        return weights;
    }

    private void Report(string what, ClassificationRows rows, ImageLoader loader, IChannel channel)
    {
        var counts = Counts(loader.Labels, Label.ClassCount);
        var classes = Label.Names.Zip(counts, (name, count) => $"{name} {count}").Take(50);
        channel.Info(
            $"{Quantity.Of(loader.Count, $"{what} image")}: {string.Join(", ", classes)}{(Label.ClassCount > 50 ? ", ..." : "")}."
        );
        if (rows.Unlabelled > 0)
            channel.Warning($"Left out: {Quantity.Of(rows.Unlabelled, "row")} of the {what} data without a label.");
        if (loader.Skipped.Count > 0)
            channel.Warning(
                $"Left out: {Quantity.Of(loader.Skipped.Count, $"{what} image")} that cannot be read. The first: {loader.Skipped[0].Message}"
            );
    }

    private static ValueList<long> Counts(IReadOnlyList<int> labels, int classes)
    {
        var counts = new long[classes];
        foreach (var label in labels)
            counts[label]++;
        return [.. counts];
    }
}
