using System.Numerics;
using System.Runtime.CompilerServices;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The softmax of a block of pixels, made from logits [N, C, S] in buffers that stay in the processor's cache: losses that need only sums of
/// probabilities read the logits once instead of writing and reading tensors of their size.
/// </summary>
internal sealed class SoftmaxBlock<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int CacheBytes = 64 << 10;

    private readonly int classes;
    private readonly T[] probabilities;
    private readonly T[] highest;
    private readonly T[] scale;
    private int length;

    public SoftmaxBlock(int classes)
    {
        this.classes = classes;
        Capacity = Math.Clamp(CacheBytes / (classes * Unsafe.SizeOf<T>()) & ~63, 64, 4096);
        probabilities = new T[classes * Capacity];
        highest = new T[Capacity];
        scale = new T[Capacity];
    }

    /// <summary>The number of pixels that a block can hold.</summary>
    public int Capacity { get; }

    /// <summary>The probabilities of a class.</summary>
    public Span<T> this[int c] => probabilities.AsSpan(c * Capacity, length);

    /// <summary>The probability of a class at a pixel.</summary>
    public T At(long c, int pixel) => probabilities[c * Capacity + pixel];

    /// <summary>Reads a block; pixels with the ignored target get probability 0 for every class.</summary>
    public void Load(TensorMemory<T> logits, long pixels, int image, long from, ReadOnlySpan<long> targets, long? ignored)
    {
        length = targets.Length;
        var max = highest.AsSpan(0, length);
        var sum = scale.AsSpan(0, length);
        var start = image * classes * pixels + from;
        logits[start, length].CopyTo(max);
        for (var c = 1; c < classes; c++)
            TensorPrimitives.Max(max, logits[start + c * pixels, length], max);
        sum.Clear();
        for (var c = 0; c < classes; c++)
        {
            var row = this[c];
            TensorPrimitives.Subtract(logits[start + c * pixels, length], max, row);
            TensorPrimitives.Exp(row, row);
            TensorPrimitives.Add(sum, row, sum);
        }
        TensorPrimitives.Divide(T.One, sum, sum);
        if (ignored is { } none)
            for (var i = 0; i < length; i++)
                if (targets[i] == none)
                    sum[i] = T.Zero;
        for (var c = 0; c < classes; c++)
            TensorPrimitives.Multiply(this[c], sum, this[c]);
    }
}
