using System.Numerics;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>The costs n = -ln p_y of a block of pixels and their weights, in buffers that stay in the processor's cache.</summary>
internal sealed class CostBlock<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly PixelScan<T> pixels;
    private readonly CostOptions options;
    private readonly TensorMemory<T> pixelWeights;
    private readonly bool weighed;
    private readonly T[] classWeights;
    private readonly T[] costs;
    private readonly T[] weights;
    private readonly T[] room;
    private readonly T[] more;
    private readonly T[] signs; // of one logit x: n is a function of z = x where the target is 0, -x where it is 1
    private CpuWork.Run block;

    /// <param name="pixels">The pixels.</param>
    /// <param name="softmax">Of the same pixels.</param>
    /// <param name="options">The weights and the curve.</param>
    /// <param name="pixelWeights">[N, S], or null. It must outlive this.</param>
    public CostBlock(PixelScan<T> pixels, ProbabilityBlock<T> softmax, CostOptions options, TorchSharp.torch.Tensor? pixelWeights)
    {
        (this.pixels, Softmax, this.options) = (pixels, softmax, options);
        (weighed, this.pixelWeights) = (pixelWeights is not null, pixelWeights is null ? default : new(pixelWeights));
        classWeights = new T[Math.Max(2, pixels.Classes)];
        for (var c = 0; c < classWeights.Length; c++)
            classWeights[c] = T.CreateTruncating(options.ClassWeights?[c] ?? 1);
        T[] Room() => new T[softmax.Capacity];
        (costs, weights, room, more) = (Room(), Room(), Room(), Room());
        signs = pixels.Classes == 1 ? Room() : [];
    }

    /// <summary>The softmax of the same pixels.</summary>
    public ProbabilityBlock<T> Softmax { get; }

    private Span<T> Part(T[] buffer) => buffer.AsSpan(0, block.Length);

    /// <summary>n of each pixel; any finite number where ignored.</summary>
    public Span<T> Costs => Part(costs);

    /// <summary>w of each pixel.</summary>
    public ReadOnlySpan<T> Weights => Part(weights);

    /// <summary>Reads a block; of several classes the softmax must have exponentiated it.</summary>
    /// <param name="block">The pixels.</param>
    /// <param name="withCosts">False where only slopes are wanted and these do not depend on the costs.</param>
    public void Load(CpuWork.Run block, bool withCosts = true)
    {
        this.block = block;
        var y = pixels.Targets(block);
        if (pixels.Classes == 1)
            LoadSigns(y);
        LoadWeights(y);
        if (!withCosts)
            return;
        if (pixels.Classes == 1)
        {
            LoadArguments();
            Softplus(more, costs, block.Length);
            return;
        }
        var n = Costs;
        var logSums = Softmax.LogSums();
        for (var i = 0; i < y.Length; i++)
            n[i] = y[i] == options.Ignored ? T.Zero : logSums[i] - pixels.Logits[pixels.Place(block, y[i]) + i];
    }

    private void LoadWeights(ReadOnlySpan<long> y)
    {
        var w = Part(weights);
        for (var i = 0; i < y.Length; i++)
            if (y[i] == options.Ignored)
                w[i] = T.Zero;
            else if ((ulong)y[i] < (ulong)classWeights.Length)
                w[i] = classWeights[y[i]];
            else
                throw Shapes.WrongIndex(options.Loss, y[i], classWeights.Length, options.Ignored);
        if (weighed)
            TensorPrimitives.Multiply(w, pixels.Of(pixelWeights, block), w);
    }

    // From labels, not by a choice: which of two a pixel has cannot be foreseen.
    private void LoadSigns(ReadOnlySpan<long> y)
    {
        var s = Part(signs);
        ReadOnlySpan<T> ofLabel = [T.One, -T.One];
        for (var i = 0; i < y.Length; i++)
            s[i] = (ulong)y[i] < 2 && y[i] != options.Ignored ? ofLabel[(int)y[i]] : T.Zero;
    }

    private void LoadArguments() => TensorPrimitives.Multiply(pixels.Logits[pixels.Place(block, 0), block.Length], Part(signs), Part(more));

    // Buffers are longer than their content by less than a vector.
    private static void Softplus(T[] z, T[] result, int length)
    {
        for (var i = 0; i < length; i += Vector<T>.Count)
            LaneNumber<T>.LogisticOf(new(new Vector<T>(z, i))).Softplus.Lanes.CopyTo(result, i);
    }

    /// <summary>sum w f(n) of the block.</summary>
    public double Sum()
    {
        var values = Costs;
        if (options.Curve is { } curve)
        {
            values = Part(more);
            curve.Values<T>(pixels.Targets(block), Costs, values, Part(room));
        }
        return double.CreateTruncating(TensorPrimitives.Dot<T>(values, Weights));
    }

    /// <summary>sum w of the block.</summary>
    public double WeightSum() => double.CreateTruncating(TensorPrimitives.Sum(Weights));

    /// <summary>A factor times w f'(n) of each pixel.</summary>
    public ReadOnlySpan<T> Slopes(T factor)
    {
        var result = Part(more);
        if (options.Curve is { } curve)
        {
            curve.Slopes<T>(pixels.Targets(block), Costs, result, Part(room));
            TensorPrimitives.Multiply(result, factor, result);
            TensorPrimitives.Multiply(result, Weights, result);
        }
        else
            TensorPrimitives.Multiply(Weights, factor, result);
        return result;
    }

    /// <summary>Of one logit: slopes of the costs times dn/dx, dn/dz = 1 / (1 + exp(-z)).</summary>
    /// <param name="ofCosts">The slope of each cost; it may be the result of <see cref="Slopes"/>.</param>
    /// <param name="result">Where to write.</param>
    public void OfLogit(ReadOnlySpan<T> ofCosts, Span<T> result)
    {
        TensorPrimitives.Multiply(ofCosts, Part(signs), result);
        LoadArguments();
        TensorPrimitives.Sigmoid(Part(more), Part(room));
        TensorPrimitives.Multiply(result, Part(room), result);
    }
}
