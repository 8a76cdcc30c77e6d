using System.Numerics;
using System.Runtime.CompilerServices;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The softmax (of one class: the sigmoid) of a block of pixels, in buffers that stay in the processor's cache: losses that need only sums of probabilities read the logits once
/// instead of writing and reading tensors of their size.
/// </summary>
internal sealed class ProbabilityBlock<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int CacheBytes = 64 << 10;

    private readonly T[] probabilities;
    private readonly T[] highest;
    private readonly T[] scale;
    private readonly T[] first;
    private readonly T[] second;
    private int length;

    public ProbabilityBlock(int classes)
    {
        Capacity = Math.Clamp((CacheBytes / (classes * Unsafe.SizeOf<T>())) & ~63, 64, 4096);
        probabilities = new T[classes * Capacity];
        (highest, scale, first, second) = (new T[Capacity], new T[Capacity], new T[Capacity], new T[Capacity]);
    }

    /// <summary>The number of pixels that a block can hold.</summary>
    public int Capacity { get; }

    /// <summary>The probabilities of a class.</summary>
    public Span<T> this[long c] => probabilities.AsSpan((int)c * Capacity, length);

    /// <summary>Room for a number a pixel.</summary>
    public Span<T> First => first.AsSpan(0, length);

    /// <summary>More room for a number a pixel.</summary>
    public Span<T> Second => second.AsSpan(0, length);

    /// <summary>After <see cref="Exponentiate"/>: the highest logit of each pixel.</summary>
    public ReadOnlySpan<T> Highest => highest.AsSpan(0, length);

    /// <summary>After <see cref="Exponentiate"/>: the sum of each pixel's exponentials.</summary>
    public ReadOnlySpan<T> Sums => scale.AsSpan(0, length);

    /// <summary>The probability of a class at a pixel.</summary>
    public T At(long c, int pixel) => probabilities[c * Capacity + pixel];

    /// <summary>Reads a block: exponentials of the logits less the highest of their pixel, and the sums of those.</summary>
    public void Exponentiate(PixelScan<T> pixels, CpuWork.Run block)
    {
        length = block.Length;
        var max = highest.AsSpan(0, length);
        var sum = scale.AsSpan(0, length);
        pixels.Logits[pixels.Place(block, 0), length].CopyTo(max);
        for (var c = 1; c < pixels.Classes; c++)
            TensorPrimitives.Max(max, pixels.Logits[pixels.Place(block, c), length], max);
        sum.Clear();
        for (var c = 0; c < pixels.Classes; c++)
        {
            var row = this[c];
            TensorPrimitives.Subtract(pixels.Logits[pixels.Place(block, c), length], max, row);
            TensorPrimitives.Exp(row, row);
            TensorPrimitives.Add(sum, row, sum);
        }
    }

    /// <summary>After <see cref="Exponentiate"/>: ln sum_c exp(logit_c) of every pixel, in <see cref="First"/>.</summary>
    public ReadOnlySpan<T> LogSums()
    {
        TensorPrimitives.Log(scale.AsSpan(0, length), First);
        TensorPrimitives.Add(First, highest.AsSpan(0, length), First);
        return First;
    }

    /// <summary>Reads a block and makes its probabilities; pixels with the ignored target get probability 0 for every class.</summary>
    /// <param name="pixels">The pixels.</param>
    /// <param name="block">Which of them.</param>
    /// <param name="ignored">The ignored target.</param>
    /// <param name="costs">Reads the block too, from the same exponentials; null: nothing does.</param>
    /// <param name="withCosts">Whether it makes costs.</param>
    public void Load(PixelScan<T> pixels, CpuWork.Run block, long? ignored, CostBlock<T>? costs = null, bool withCosts = true)
    {
        if (pixels.Classes > 1)
            Exponentiate(pixels, block);
        costs?.Load(block, withCosts);
        if (pixels.Classes == 1)
        {
            length = block.Length;
            TensorPrimitives.Sigmoid(pixels.Logits[pixels.Place(block, 0), length], this[0]);
            if (ignored is { } none)
                Clear(pixels.Targets(block), none);
            return;
        }
        Normalise(pixels, block, ignored);
    }

    private void Clear(ReadOnlySpan<long> targets, long ignored)
    {
        if (!targets.Contains(ignored))
            return;
        var p = this[0];
        for (var i = 0; i < targets.Length; i++)
            if (targets[i] == ignored)
                p[i] = T.Zero;
    }

    /// <summary>After <see cref="Exponentiate"/>: the probabilities; pixels with the ignored target get probability 0 for every class.</summary>
    public void Normalise(PixelScan<T> pixels, CpuWork.Run block, long? ignored)
    {
        var inverse = scale.AsSpan(0, length);
        TensorPrimitives.Divide(T.One, inverse, inverse);
        if (ignored is { } none)
        {
            var targets = pixels.Targets(block);
            for (var i = 0; i < length; i++)
                if (targets[i] == none)
                    inverse[i] = T.Zero;
        }
        for (var c = 0; c < pixels.Classes; c++)
            TensorPrimitives.Multiply(this[c], inverse, this[c]);
    }
}
