using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;
using Options = MLNetLosses.ObjectDetectionTrainer.Options;

namespace MLNetLosses;

/// <summary>The images of a training and of its validation, where there is one, with their objects.</summary>
internal sealed class DetectionData : IDisposable
{
    private DetectionData(DetectionRows training, DetectionRows? validation) => (Training, Validation) = (training, validation);

    public DetectionRows Training { get; }

    public DetectionRows? Validation { get; }

    /// <summary>Which training images are used: those that can be read.</summary>
    public int[] TrainingPositions { get; private set; } = [];

    /// <summary>Which validation images are used.</summary>
    public int[] ValidationPositions { get; private set; } = [];

    /// <summary>Reads the data. Images that are not decoded yet are read when they are needed.</summary>
    /// <exception cref="ArgumentException">The data do not fit the options.</exception>
    /// <exception cref="OperationCanceledException">Stopped by <paramref name="check"/>.</exception>
    public static DetectionData Read(
        IDataView input,
        IDataView? validationData,
        ObjectColumns columns,
        ImagePreprocessing preprocessing,
        Options options,
        long seed,
        IHost host,
        IChannel channel,
        Action check
    )
    {
        var source = Source(input.Schema, columns, [.. Enumerable.Range(0, columns.ClassCount)]);
        var held =
            options.ValidationSetFraction is { } share && validationData is null
                ? ValidationSplit.Make(DetectionRows.ReadFirstLabels(input, columns, check), share, seed)
                : null;
        var (validated, learned) = (Sizing(options.ImageSize, options), Sizing(DetectionBatches.LargestSize(options), options));
        DetectionRows? training = null,
            validation = null;
        try
        {
            if (validationData is not null)
            {
                var other = ObjectColumns.Find(validationData.Schema, options, host);
                validation = DetectionRows.Read(
                    validationData,
                    Source(validationData.Schema, other, other.TranslateTo(columns.Values, columns.ClassCount)),
                    _ => true,
                    Store(validated, options.ImageCacheBytes / 4),
                    check
                );
            }
            else if (held is not null)
                validation = DetectionRows.Read(input, source, row => held[row], Store(validated, options.ImageCacheBytes / 4), check);
            var budget = validation is null ? options.ImageCacheBytes : options.ImageCacheBytes / 4 * 3;
            training = DetectionRows.Read(input, source, row => held is null || !held[row], Store(learned, budget), check);
            var data = new DetectionData(training, validation);
            data.Choose(options, columns, channel);
            return data;
        }
        catch
        {
            training?.Dispose();
            validation?.Dispose();
            throw;
        }

        DetectionRows.Source Source(DataViewSchema schema, ObjectColumns objects, int[] translation) =>
            new(
                ImageColumn.Find(schema, options.FeatureColumnName, host),
                new(
                    objects,
                    translation,
                    options.SkipInvalidBoxes,
                    "which the training data do not have. Map labels of both sets with one transformer: fit MapValueToKey on the training data and transform both."
                )
            );

        SizedImageStore Store(DetectionSizing sizing, long bytes) => new(sizing.Decoding(preprocessing), bytes);
    }

    /// <summary>Objects of each class that are learned.</summary>
    public long[] ClassCounts(int classCount)
    {
        var counts = new long[classCount];
        foreach (var position in TrainingPositions)
        {
            var row = Training.Objects[position];
            for (var i = 0; i < row.Labels.Length; i++)
                if (row.Ignored.Length == 0 || !row.Ignored[i])
                    counts[row.Labels[i]]++;
        }
        return counts;
    }

    public void Dispose()
    {
        Training.Dispose();
        Validation?.Dispose();
    }

    private static DetectionSizing Sizing(int size, Options options) =>
        new(size, options.MaxImageSize is null ? size * 5 / 3 : (int)((long)options.LongestSide * size / options.ImageSize));

    private void Choose(Options options, ObjectColumns columns, IChannel channel)
    {
        if (Training.Objects.Count == 0)
            throw new ArgumentException(
                "The training data have no rows: there is nothing to learn from. Check the folder or the query that they come from."
            );
        TrainingPositions = Usable(Training, "training", options, channel);
        if (ClassCounts(columns.ClassCount).Sum() == 0)
            throw new ArgumentException(
                $"The training data ({Quantity.Of(TrainingPositions.Length, "image")}) show no object: there is nothing to find. Check the columns of labels and boxes."
            );
        var counts = columns.Names.Zip(ClassCounts(columns.ClassCount), (name, count) => $"{name} {count}").Take(50);
        var empty = TrainingPositions.Count(position => Training.Objects[position].Labels.Length == 0);
        channel.Info(
            $"{Quantity.Of(TrainingPositions.Length, "training image")}, {empty} without objects; objects: {string.Join(", ", counts)}{(columns.ClassCount > 50 ? ", ..." : "")}."
        );
        if (Validation is null)
            return;
        if (Validation.Objects.Count == 0)
            throw new ArgumentException(
                options.ValidationSetFraction is null
                    ? "The validation set has no rows. Leave it out, or check where it comes from."
                    : "ValidationSetFraction holds nothing back: there are too few rows. Set it to null, or give more rows."
            );
        ValidationPositions = Usable(Validation, "validation", options, channel);
        channel.Info($"{Quantity.Of(ValidationPositions.Length, "validation image")}.");
    }

    private static int[] Usable(DetectionRows rows, string what, Options options, IChannel channel)
    {
        if (rows.InvalidBoxes > 0)
            channel.Warning($"Left out: {Quantity.Of(rows.InvalidBoxes, "object")} of the {what} data whose boxes cannot be used.");
        var all = Enumerable.Range(0, rows.Objects.Count);
        if (!options.SkipUndecodableImages)
            return [.. all];
        var threads = options.ReaderThreads ?? new ImageLoaderOptions().Readers;
        var problems = rows.Images.FindUndecodable(threads, options.CancellationToken);
        if (problems.Count == rows.Objects.Count)
            throw new ArgumentException($"None of the {problems.Count} {what} images can be read. {problems.First().Value.Message}");
        if (problems.Count > 0)
            channel.Warning(
                $"Left out: {Quantity.Of(problems.Count, $"{what} image")} that cannot be read. The first: {problems.First().Value.Message}"
            );
        return [.. all.Where(position => !problems.ContainsKey(position))];
    }
}
