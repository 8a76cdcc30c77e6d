using System.Numerics;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>The probabilities of one class at all pixels of an image, of any class and in any order: what the softmax of a pixel divides by is made once.</summary>
internal sealed class ClassProbabilities<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly PixelScan<T> pixels;
    private readonly long? ignored;
    private readonly Tensor? highest; // null for one class, which divides by nothing
    private readonly Tensor? inverse;
    private readonly long[] valid;

    public ClassProbabilities(PixelScan<T> pixels, Loss loss, long? ignored)
    {
        (this.pixels, this.ignored) = (pixels, ignored);
        var single = pixels.Classes == 1;
        Tensor? OfPixels() => single ? null : empty(pixels.Indices.shape, pixels.Scores.dtype);
        (highest, inverse) = (OfPixels(), OfPixels());
        var (max, scale) = single ? default : (new TensorMemory<T>(highest!), new TensorMemory<T>(inverse!));
        var (counts, indices) = (new long[pixels.Runs.Length], Math.Max(2, pixels.Classes));
        pixels.ForEachRun(
            (r, softmax) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    var y = pixels.Targets(block);
                    foreach (var target in y)
                        if (target == ignored)
                            continue;
                        else if ((ulong)target < (ulong)indices)
                            counts[r]++;
                        else
                            throw Shapes.WrongIndex(loss, target, indices, ignored);
                    if (single)
                        continue;
                    softmax.Exponentiate(pixels, block);
                    softmax.Highest.CopyTo(pixels.Of(max, block));
                    var of = pixels.Of(scale, block);
                    TensorPrimitives.Divide(T.One, softmax.Sums, of);
                    for (var i = 0; i < y.Length; i++)
                        if (y[i] == ignored)
                            of[i] = T.Zero;
                }
            }
        );
        valid = new long[pixels.Images];
        for (var r = 0; r < counts.Length; r++)
            valid[pixels.Runs[r].Image] += counts[r];
    }

    /// <summary>The number of an image's pixels that count.</summary>
    public long Valid(int image) => valid[image];

    /// <summary>The softmax of a class (of one class: the sigmoid) at neighbouring pixels, 0 where ignored.</summary>
    public void Probabilities(int image, int c, long from, Span<T> result)
    {
        var logits = pixels.Logits[(image * (long)pixels.Classes + c) * pixels.Pixels + from, result.Length];
        if (highest is null || inverse is null)
        {
            TensorPrimitives.Sigmoid(logits, result);
            var y = pixels.Targets(new(image, from, result.Length));
            for (var i = 0; i < result.Length; i++)
                if (y[i] == ignored)
                    result[i] = T.Zero;
            return;
        }
        TensorPrimitives.Subtract(logits, new TensorMemory<T>(highest)[image * pixels.Pixels + from, result.Length], result);
        TensorPrimitives.Exp(result, result);
        TensorPrimitives.Multiply(result, new TensorMemory<T>(inverse)[image * pixels.Pixels + from, result.Length], result);
    }

    /// <summary>At neighbouring pixels 1 where the target is a class, 0 elsewhere; of one class: the label, which may be soft. 0 where ignored.</summary>
    public void Targets(int image, int c, long from, Span<T> result)
    {
        var y = pixels.Targets(new(image, from, result.Length));
        if (pixels.Classes == 1)
        {
            pixels.Labels(new(image, from, result.Length), result);
            for (var i = 0; i < result.Length; i++)
                if (y[i] == ignored)
                    result[i] = T.Zero;
            return;
        }
        var label = c;
        for (var i = 0; i < result.Length; i++)
            result[i] = y[i] == label && y[i] != ignored ? T.One : T.Zero;
    }

    public void Dispose()
    {
        GC.KeepAlive(pixels.Scores);
        GC.KeepAlive(pixels.Indices);
        highest?.Dispose();
        inverse?.Dispose();
    }
}
