using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>
/// Batches of images for an epoch at a time. Threads of their own decode and put bytes together ahead of the network; the thread that takes a batch
/// brings it to the device and augments it there. An epoch is a pure function of the options and its number, so that <c>Epoch(e, s)</c> gives from
/// step s on exactly what <c>Epoch(e)</c> gives.
/// </summary>
internal sealed class ImageLoader
{
    private readonly ImageStore _images;
    private readonly int[] _rows;
    private readonly int[] _labels;
    private readonly float[]? _weights;
    private readonly ImageLoaderOptions _options;
    private readonly PixelNormalization _normalization;

    /// <param name="images">The images, which the caller disposes after the loader's last epoch.</param>
    /// <param name="labels">Class index of each row, 0 or more.</param>
    /// <param name="weights">Weight of each row, finite and 0 or more, or null.</param>
    /// <param name="options">How batches are made.</param>
    /// <param name="cancellation">Stops the look for rows to skip.</param>
    /// <exception cref="ArgumentException">Counts differ, a label or weight is out of range, or no row is left.</exception>
    public ImageLoader(
        ImageStore images,
        IReadOnlyList<int> labels,
        IReadOnlyList<float>? weights,
        ImageLoaderOptions options,
        CancellationToken cancellation = default
    )
    {
        Check(images, labels, weights);
        (_images, _options) = (images, options);
        _normalization = new(images.Preprocessing);
        options.Augmentation.Validate();
        var skipped = options.SkipUndecodable ? images.FindUndecodable(options.Readers, cancellation) : [];
        Skipped = [.. skipped.Values];
        _rows = [.. Enumerable.Range(0, images.Count).Where(row => !skipped.ContainsKey(row))];
        _labels = [.. _rows.Select(row => labels[row])];
        _weights = weights is null ? null : [.. _rows.Select(row => weights[row])];
        if (_rows.Length == 0)
            throw new ArgumentException(
                skipped.Count == 0 ? "There are no images." : $"None of the {skipped.Count} images can be read. {Skipped[0].Message}",
                nameof(images)
            );
    }

    /// <summary>Rows that were left out, and why, in order.</summary>
    public IReadOnlyList<ImageDecodeException> Skipped { get; }

    /// <summary>Images in an epoch before an incomplete batch is dropped.</summary>
    public int Count => _rows.Length;

    /// <summary>Class index of each row that is used.</summary>
    public IReadOnlyList<int> Labels => _labels;

    /// <summary>Batches in an epoch.</summary>
    public int Steps =>
        _options.DropLast ? Math.Max(1, Count / _options.BatchSize) : (int)(((long)Count + _options.BatchSize - 1) / _options.BatchSize);

    /// <summary>
    /// The batches of an epoch from a step on; the caller disposes each. Leaving the enumeration stops the threads and frees what was made ahead.
    /// </summary>
    /// <exception cref="ImageDecodeException">While enumerating: an image cannot be read; names row and file.</exception>
    /// <exception cref="OperationCanceledException">While enumerating: the token was cancelled.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch, int firstStep = 0, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstStep, Steps);
        return Run(epoch, firstStep, cancellation);
    }

    private IEnumerable<ImageBatch> Run(int epoch, int firstStep, CancellationToken cancellation)
    {
        var order = EpochOrder.Make(_options.Order, _labels, _options.Seed, epoch);
        using var queue = new BatchQueue<RawBatch>(
            firstStep,
            Steps,
            _options.Readers,
            _options.QueueLength,
            (step, stopped) => Gather(order, epoch, step, stopped)
        );
        while (queue.Take(cancellation) is { } raw)
        {
            using (raw)
                yield return Finish(raw, epoch);
        }
    }

    private RawBatch Gather(int[] order, int epoch, int step, CancellationToken stopped)
    {
        var preprocessing = _images.Preprocessing;
        var first = step * _options.BatchSize;
        var positions = order.AsSpan(first, Math.Min(_options.BatchSize, order.Length - first)).ToArray();
        var (width, height) = (preprocessing.Width, preprocessing.Height);
        var plan = AugmentationPlan.Sample(_options.Augmentation, positions.Length, width, height, _options.Seed, epoch, step);
        var bytes = empty([positions.Length, preprocessing.Channels, height, width], ScalarType.Byte).DetachFromDisposeScope();
        try
        {
            var target = bytes.bytes;
            var size = preprocessing.ImageBytes;
            var scratch = new byte[size];
            for (var i = 0; i < positions.Length; i++)
            {
                stopped.ThrowIfCancellationRequested();
                BatchAugmentation.Place(plan, i, _images.Read(_rows[positions[i]], scratch), target.Slice(i * size, size));
            }
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
        return new(bytes, plan, positions, step);
    }

    private ImageBatch Finish(RawBatch raw, int epoch)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var device = _options.Device;
        var pixels = BatchAugmentation.Apply(raw.Plan, raw.Bytes.to(device), _normalization);
        var targets = tensor(raw.Positions.Select(p => (long)_labels[p]).ToArray(), ScalarType.Int64, device);
        var weights = _weights is null ? null : tensor(raw.Positions.Select(p => _weights[p]).ToArray(), ScalarType.Float32, device);
        var mixing = raw.Plan.Mixing;
        return new()
        {
            Pixels = pixels.DetachFromDisposeScope(),
            Targets = targets.DetachFromDisposeScope(),
            Weights = weights?.DetachFromDisposeScope(),
            Mixed = mixing is null
                ? null
                : new(
                    mixing.Pick(targets).DetachFromDisposeScope(),
                    weights is null ? null : mixing.Pick(weights).DetachFromDisposeScope(),
                    mixing.Lambda
                ),
            Rows = [.. raw.Positions.Select(p => _images.Row(_rows[p]))],
            Epoch = epoch,
            Step = raw.Step,
        };
    }

    private static void Check(ImageStore images, IReadOnlyList<int> labels, IReadOnlyList<float>? weights)
    {
        if (labels.Count != images.Count)
            throw new ArgumentException($"There are {images.Count} images and {labels.Count} labels.", nameof(labels));
        if (weights is not null && weights.Count != images.Count)
            throw new ArgumentException($"There are {images.Count} images and {weights.Count} weights.", nameof(weights));
        for (var row = 0; row < labels.Count; row++)
        {
            if (labels[row] < 0)
                throw new ArgumentException($"Row {row} has the label {labels[row]}: class indices start at 0.", nameof(labels));
            if (weights is not null && !(weights[row] >= 0 && float.IsFinite(weights[row])))
                throw new ArgumentException($"Row {row} has the weight {weights[row]}: weights are finite and 0 or more.", nameof(weights));
        }
    }

    private sealed record RawBatch(Tensor Bytes, AugmentationPlan Plan, int[] Positions, int Step) : IDisposable
    {
        public void Dispose() => Bytes.Dispose();
    }
}
