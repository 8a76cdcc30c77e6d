using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;
using Options = MLNetLosses.SemanticSegmentationTrainer.Options;

namespace MLNetLosses;

/// <summary>The images and masks of a training, and of its validation where there is one, and what they say of the classes.</summary>
internal sealed class SegmentationData : IDisposable
{
    private const long SplitPurpose = 0x5B118;

    private SegmentationData(MaskedImageStore training, MaskedImageStore? validation) => (Training, Validation) = (training, validation);

    public MaskedImageStore Training { get; }

    /// <summary>The images of the validation: another store, or the same.</summary>
    public MaskedImageStore? Validation { get; }

    public IReadOnlyList<int> TrainingPositions { get; private set; } = [];

    public IReadOnlyList<int> ValidationPositions { get; private set; } = [];

    /// <summary>What the network says of a pixel; never <see cref="SegmentationMode.Auto"/>.</summary>
    public SegmentationMode Mode { get; private set; }

    public IReadOnlyList<string> Classes { get; private set; } = [];

    /// <summary>Pixels of each class in the training images.</summary>
    public ValueList<long> ClassAreas { get; private set; } = [];

    /// <summary>Pixels of the training images that do not count.</summary>
    public long IgnoredPixels { get; private set; }

    /// <summary>How many numbers the network gives of a pixel.</summary>
    public int Outputs => Mode == SegmentationMode.Binary ? 1 : Classes.Count;

    /// <summary>Reads the rows, and every mask once.</summary>
    /// <exception cref="ArgumentException">The data do not fit the options.</exception>
    /// <exception cref="InvalidDataException">A mask cannot be read, or does not fit its image or the classes.</exception>
    /// <exception cref="ImageDecodeException">An image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The options' token or the context was cancelled.</exception>
    public static SegmentationData Read(
        IDataView input,
        IDataView? validationData,
        ImagePreprocessing preprocessing,
        bool ownSize,
        Options options,
        int readers,
        long seed,
        IHost host,
        IChannel channel,
        Action check
    )
    {
        // The validation set has the first claim, up to a quarter of the memory.
        var validationBudget = validationData is null ? 0 : options.ImageCacheBytes / 4;
        MaskedImageStore? training = null,
            validation = null;
        try
        {
            training = new(preprocessing, ownSize, options.IgnoreIndex, options.ImageCacheBytes - validationBudget);
            var names = Add(training, input, options, host, check);
            if (validationData is not null)
            {
                validation = new(preprocessing, ownSize, options.IgnoreIndex, validationBudget);
                Add(validation, validationData, options, host, check);
            }
            var data = new SegmentationData(training, validation ?? (options.ValidationSetFraction is null ? null : training));
            data.Look(options, names, readers, seed, channel);
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

    /// <summary>Adds rows; the names of the classes, where the column of masks has any.</summary>
    private static IReadOnlyList<string>? Add(MaskedImageStore store, IDataView data, Options options, IHost host, Action check)
    {
        var images = ImageColumn.Find(data.Schema, options.FeatureColumnName, host);
        var masks = MaskColumn.Find(data.Schema, options.LabelColumnName, "masks (LabelColumnName)", host);
        using var cursor = data.GetRowCursor(new[] { images.Column, masks.Column }.DistinctBy(column => column.Index));
        var (image, mask) = (images.CreateReader(cursor), masks.CreateSourceReader(cursor));
        while (cursor.MoveNext())
        {
            check();
            using var content = image();
            var (value, path) = mask();
            store.Add(content, value, path);
        }
        return masks.ClassNames;
    }

    private void Look(Options options, IReadOnlyList<string>? names, int readers, long seed, IChannel channel)
    {
        if (Training.Count == 0)
            throw new ArgumentException(
                "The training data have no rows: there is nothing to learn from. Check the folder or the query that they come from."
            );
        var usable = Usable(Training, "training", options, readers, channel);
        if (ReferenceEquals(Validation, Training))
            (TrainingPositions, ValidationPositions) = Split(usable, options.ValidationSetFraction!.Value, seed);
        else
            TrainingPositions = usable;
        if (Validation is not null && !ReferenceEquals(Validation, Training))
        {
            ValidationPositions = Usable(Validation, "validation", options, readers, channel);
            if (ValidationPositions.Count == 0)
                throw new ArgumentException("The validation set has no rows. Leave it out, or check where it comes from.");
            if (Validation.LayerCount != Training.LayerCount)
                throw new ArgumentException(
                    $"The masks of the validation set have {Validation.LayerCount} layers, those of the training data {Training.LayerCount}."
                );
        }
        DecideClasses(options, options.ClassNames ?? names);
        Training.CheckIndices(Classes.Count, Classes);
        if (!ReferenceEquals(Validation, Training))
            Validation?.CheckIndices(Classes.Count, Classes);
        if (ClassAreas.All(area => area == 0))
            throw new ArgumentException("No pixel of the training masks counts: all are ignored. Check IgnoreIndex and the masks.");
        Report(channel);
    }

    private static int[] Usable(MaskedImageStore store, string what, Options options, int readers, IChannel channel)
    {
        var problems = store.Scan(readers, options.SkipUndecodableImages, options.CancellationToken);
        int[] usable = [.. Enumerable.Range(0, store.Count).Where(position => !problems.ContainsKey(position))];
        if (problems.Count > 0)
            channel.Warning(
                $"Left out: {Quantity.Of(problems.Count, $"{what} image")} that cannot be read. The first: {problems.First().Value.Message}"
            );
        if (usable.Length == 0 && problems.Count > 0)
            throw new ArgumentException(
                $"None of the {Quantity.Of(problems.Count, $"{what} image")} can be read. {problems.First().Value.Message}"
            );
        return usable;
    }

    private static (int[] Training, int[] Validation) Split(int[] positions, double share, long seed)
    {
        if (positions.Length < 2)
            throw new ArgumentException(
                "ValidationSetFraction holds nothing back: there is one row only. Set it to null, or give more rows."
            );
        int[] mixed = [.. positions];
        new RandomStream(SplitPurpose, seed).Shuffle<int>(mixed);
        var held = Math.Clamp((int)Math.Round(share * mixed.Length), 1, mixed.Length - 1);
        return ([.. mixed[held..].Order()], [.. mixed[..held].Order()]);
    }

    private void DecideClasses(Options options, IReadOnlyList<string>? names)
    {
        var layers = Training.LayerCount;
        if ((options.Mode == SegmentationMode.Multilabel) != (layers > 0) && options.Mode != SegmentationMode.Auto)
            throw new ArgumentException(
                layers > 0
                    ? $"The masks have {layers} layers, in which classes overlap: Mode must be Multilabel or Auto; it is {options.Mode}."
                    : "Mode is Multilabel, but the masks hold class indices. Give masks of layers, or another Mode."
            );
        var areas = Training.Areas(TrainingPositions);
        IgnoredPixels = areas[SegmentationMask.Ignored];
        var found = layers > 0 ? layers : Array.FindLastIndex(areas, SegmentationMask.Ignored - 1, area => area > 0) + 1;
        var count =
            names?.Count
            ?? (
                options.Mode == SegmentationMode.Binary ? 2
                : layers > 0 ? layers
                : Math.Max(2, found)
            );
        if (layers > 0 && count != layers)
            throw new ArgumentException($"{count} class names are given, but the masks have {layers} layers.");
        Mode =
            options.Mode != SegmentationMode.Auto ? options.Mode
            : layers > 0 ? SegmentationMode.Multilabel
            : SegmentationMode.Multiclass;
        if (Mode == SegmentationMode.Binary && count != 2)
            throw new ArgumentException($"Mode is Binary, which has two classes; {count} class names are given.");
        if (Mode == SegmentationMode.Multiclass && count < 2)
            throw new ArgumentException(
                "One class name is given; at least 2 classes are needed to tell pixels apart. Name the background too."
            );
        Classes = names ?? [.. Enumerable.Range(0, count).Select(i => $"class {i}")];
        ClassAreas = [.. areas.Take(count)];
    }

    private void Report(IChannel channel)
    {
        var total = Math.Max(1, ClassAreas.Sum());
        var shares = Classes.Zip(ClassAreas, (name, area) => FormattableString.Invariant($"{name} {100.0 * area / total:0.##} %")).Take(50);
        channel.Info(
            $"{Quantity.Of(TrainingPositions.Count, "training image")}, pixels by class: {string.Join(", ", shares)}{(Classes.Count > 50 ? ", ..." : "")}{(IgnoredPixels > 0 ? FormattableString.Invariant($"; ignored besides: {IgnoredPixels:N0} pixels") : "")}."
        );
        if (ValidationPositions.Count > 0)
            channel.Info($"{Quantity.Of(ValidationPositions.Count, "validation image")}.");
    }
}
