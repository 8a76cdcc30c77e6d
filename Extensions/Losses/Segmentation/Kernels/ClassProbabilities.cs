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
    private readonly Tensor highest;
    private readonly Tensor inverse;
    private readonly long[] valid;

    public ClassProbabilities(PixelScan<T> pixels, Loss loss, long? ignored)
    {
        (this.pixels, this.ignored) = (pixels, ignored);
        (highest, inverse) = (empty(pixels.Indices.shape, pixels.Scores.dtype), empty(pixels.Indices.shape, pixels.Scores.dtype));
        var (max, scale) = (new TensorMemory<T>(highest), new TensorMemory<T>(inverse));
        var (counts, indices) = (new long[pixels.Runs.Length], Math.Max(2, pixels.Classes));
        pixels.ForEachRun(
            (r, softmax) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    var y = pixels.Targets(block);
                    softmax.Exponentiate(pixels, block);
                    softmax.Highest.CopyTo(pixels.Of(max, block));
                    var of = pixels.Of(scale, block);
                    TensorPrimitives.Divide(T.One, softmax.Sums, of);
                    for (var i = 0; i < y.Length; i++)
                        if (y[i] == ignored)
                            of[i] = T.Zero;
                        else if ((ulong)y[i] < (ulong)indices)
                            counts[r]++;
                        else
                            throw Shapes.WrongIndex(loss, y[i], indices, ignored);
                }
            }
        );
        valid = new long[pixels.Images];
        for (var r = 0; r < counts.Length; r++)
            valid[pixels.Runs[r].Image] += counts[r];
    }

    /// <summary>The number of an image's pixels that count.</summary>
    public long Valid(int image) => valid[image];

    /// <summary>The softmax of a class (of one class: the sigmoid), 0 where ignored.</summary>
    public void Probabilities(int image, int c, Span<T> result)
    {
        var logits = pixels.Logits[(image * (long)pixels.Classes + c) * pixels.Pixels, result.Length];
        var scale = new TensorMemory<T>(inverse)[image * pixels.Pixels, result.Length];
        if (pixels.Classes == 1)
        {
            TensorPrimitives.Sigmoid(logits, result);
            for (var i = 0; i < result.Length; i++)
                if (scale[i] == T.Zero)
                    result[i] = T.Zero;
            return;
        }
        TensorPrimitives.Subtract(logits, new TensorMemory<T>(highest)[image * pixels.Pixels, result.Length], result);
        TensorPrimitives.Exp(result, result);
        TensorPrimitives.Multiply(result, scale, result);
    }

    /// <summary>1 where the target is a class, 0 elsewhere; of one class: where it is 1.</summary>
    public void Targets(int image, int c, Span<T> result)
    {
        var y = pixels.Targets(new(image, 0, result.Length));
        var label = pixels.Classes == 1 ? 1 : c;
        for (var i = 0; i < result.Length; i++)
            result[i] = y[i] == label && y[i] != ignored ? T.One : T.Zero;
    }

    public void Dispose()
    {
        GC.KeepAlive(pixels.Scores);
        GC.KeepAlive(pixels.Indices);
        highest.Dispose();
        inverse.Dispose();
    }
}
