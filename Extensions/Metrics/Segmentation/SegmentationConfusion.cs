using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// Counts how often pixels of each class are predicted as each class, batch by batch; <see cref="Metrics"/> makes figures of the counts.
/// One matrix over all images: averaging intersection over union image by image gives other numbers. Exact in any order and any split
/// into batches. Not thread-safe: give each thread its own and <see cref="Add(SegmentationConfusion)"/> them.
/// </summary>
public sealed class SegmentationConfusion
{
    private readonly long[] counts;

    /// <summary>Starts with no pixel.</summary>
    /// <param name="classCount">C, at least 2.</param>
    /// <param name="ignoreIndex">Pixels with this target are left out, whatever is predicted there; null: none.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// There are fewer than two classes, or more than 46340 (whose pairs outgrow memory).
    /// </exception>
    public SegmentationConfusion(int classCount, long? ignoreIndex = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classCount, 46340);
        (ClassCount, IgnoreIndex) = (classCount, ignoreIndex);
        counts = new long[classCount * classCount];
    }

    /// <summary>C.</summary>
    public int ClassCount { get; }

    /// <summary>The target that is left out; null: none.</summary>
    public long? IgnoreIndex { get; }

    /// <summary>The number of pixels of a class that were predicted as a class.</summary>
    /// <param name="target">The true class, in [0, C).</param>
    /// <param name="prediction">The predicted class, in [0, C).</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public long this[int target, int prediction]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)target, (uint)ClassCount, nameof(target));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)prediction, (uint)ClassCount, nameof(prediction));
            return counts[target * ClassCount + prediction];
        }
    }

    /// <summary>Counts the pixels of masks; they are counted where they lie, and C x C numbers come to the host.</summary>
    /// <param name="predictions">Class indices of an integer type and any shape, such as [N, H, W].</param>
    /// <param name="targets">Class indices of the same shape on the same device.</param>
    /// <exception cref="ArgumentException">
    /// Shapes, types or devices do not fit, or an index lies outside [0, C). Nothing is counted then.
    /// </exception>
    public void Add(Tensor predictions, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        if (!predictions.shape.AsSpan().SequenceEqual(targets.shape))
            throw new ArgumentException(
                $"predictions {Text(predictions)} and targets {Text(targets)} must have the same shape.",
                nameof(predictions)
            );
        if (predictions.device_type != targets.device_type || predictions.device_index != targets.device_index)
            throw new ArgumentException($"predictions are on {predictions.device}, targets on {targets.device}.", nameof(predictions));
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (p, y) = (Indices(predictions, nameof(predictions)), Indices(targets, nameof(targets)));
        if (IgnoreIndex is { } ignored)
        {
            var kept = y.ne(ignored);
            (p, y) = (p.masked_select(kept), y.masked_select(kept));
        }
        if (y.numel() == 0)
            return;
        Check(y, nameof(targets));
        Check(p, nameof(predictions));
        Add(bincount(y * ClassCount + p, null, counts.Length).cpu().data<long>().ToArray());
    }

    /// <summary>Counts the pixels of masks.</summary>
    /// <typeparam name="T">An integer type, such as <see cref="byte"/>.</typeparam>
    /// <param name="predictions">Class indices.</param>
    /// <param name="targets">Class indices, as many, in the same order.</param>
    /// <exception cref="ArgumentException">
    /// There are not as many of both, or an index lies outside [0, C). Nothing is counted then.
    /// </exception>
    public void Add<T>(ReadOnlySpan<T> predictions, ReadOnlySpan<T> targets)
        where T : struct, IBinaryInteger<T>
    {
        if (predictions.Length != targets.Length)
            throw new ArgumentException($"There are {predictions.Length} predictions and {targets.Length} targets.", nameof(predictions));
        var added = new long[counts.Length];
        for (var i = 0; i < targets.Length; i++)
        {
            var target = long.CreateSaturating(targets[i]);
            if (target == IgnoreIndex)
                continue;
            var prediction = long.CreateSaturating(predictions[i]);
            if ((ulong)target >= (ulong)ClassCount)
                throw Wrong(nameof(targets), target);
            if ((ulong)prediction >= (ulong)ClassCount)
                throw Wrong(nameof(predictions), prediction);
            added[target * ClassCount + prediction]++;
        }
        Add(added);
    }

    /// <summary>Adds the counts of another matrix.</summary>
    /// <param name="other">A matrix of as many classes.</param>
    /// <exception cref="ArgumentException">It has another number of classes.</exception>
    public void Add(SegmentationConfusion other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.ClassCount != ClassCount)
            throw new ArgumentException($"It has {other.ClassCount} classes, this one has {ClassCount}.", nameof(other));
        Add(other.counts);
    }

    /// <summary>The figures of what is counted so far.</summary>
    public SegmentationMetrics Metrics() => new(this);

    /// <summary>All pixels that count.</summary>
    internal long Total => counts.Sum();

    /// <summary>Adds the counts of the first classes of a matrix of more.</summary>
    internal void Add(ReadOnlySpan<long> matrix, int stride)
    {
        for (var target = 0; target < ClassCount; target++)
        for (var prediction = 0; prediction < ClassCount; prediction++)
            counts[target * ClassCount + prediction] += matrix[target * stride + prediction];
    }

    private void Add(long[] more)
    {
        for (var i = 0; i < counts.Length; i++)
            counts[i] += more[i];
    }

    private static Tensor Indices(Tensor mask, string name) =>
        mask.is_floating_point() || mask.is_complex() || mask.dtype == ScalarType.Bool
            ? throw new ArgumentException($"{name} must be class indices of an integer type; they are {mask.dtype}.", name)
            : mask.flatten().to(ScalarType.Int64);

    private void Check(Tensor indices, string name)
    {
        var (low, high) = (indices.min().item<long>(), indices.max().item<long>());
        if (low < 0 || high >= ClassCount)
            throw Wrong(name, low < 0 ? low : high);
    }

    private ArgumentException Wrong(string name, long index) =>
        new(
            $"{name} hold {index}; they must be class indices in [0, {ClassCount - 1}]"
                + (
                    name != "targets" ? "."
                    : IgnoreIndex is { } ignored ? $" or the ignored {ignored}."
                    : "; pixels that shall not count need an ignoreIndex."
                ),
            name
        );

    private static string Text(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
