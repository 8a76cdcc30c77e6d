using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The Lovasz extension over the errors |y_c - p_c| of a softmax, class by class. On the CPU only the classes that count are sorted, and one tensor of the
/// logits' size is kept for the gradient: the weights, which take the place of the errors.
/// </summary>
internal sealed class LovaszSoftmax : PixelFunction<LovaszSoftmax, LovaszSoftmax.Options>
{
    internal sealed record Options(Loss Loss, long? Ignored, bool PerImage, bool PresentOnly, int FirstClass);

    /// <summary>The value, the target pixels and the valid pixels of every row and class, [3, R, C], R = N or 1; classes that do not count have value 0.</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) =>
        scores.device_type == DeviceType.CPU ? Apply(scores, indices, options) : ByTensors(AsScores(scores, indices), indices, options);

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var (images, classes) = (pixels.Images, pixels.Classes);
        var rows = options.PerImage ? images : 1;
        var result = new double[3, rows, classes];
        var counts = PixelCounts(pixels, options);
        for (var n = 0; n < images; n++)
        for (var c = 0; c < classes; c++)
        {
            result[1, n % rows, c] += counts[n, c];
            result[2, n % rows, c] += counts[n, classes];
        }
        var chosen = (
            from row in Enumerable.Range(0, rows)
            from c in Enumerable.Range(0, classes)
            where c >= options.FirstClass && (!options.PresentOnly || result[1, row, c] > 0)
            select row * classes + c
        ).ToArray();
        var errors = chosen.Length == rows * classes ? empty_like(pixels.Scores) : zeros_like(pixels.Scores);
        Errors(pixels, errors, rows, [.. chosen], options.Ignored);
        var values = LovaszExtension.InPlace<T>(errors, rows, chosen);
        foreach (var k in chosen)
            result[0, k / classes, k % classes] = values[k];
        return (tensor(result, pixels.Scores.dtype), errors);
    }

    // [N, C] pixels of each class; the last entry of a row: all valid ones.
    private static long[,] PixelCounts<T>(PixelScan<T> pixels, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var counts = new long[pixels.Images, pixels.Classes + 1];
        CpuWork.For(
            pixels.Images,
            n =>
            {
                foreach (var c in pixels.Targets(new(n, 0, checked((int)pixels.Pixels))))
                {
                    if (c == options.Ignored)
                        continue;
                    if ((ulong)c >= (ulong)pixels.Classes)
                        throw Shapes.WrongIndex(options.Loss, c, pixels.Classes, options.Ignored);
                    counts[n, c]++;
                    counts[n, pixels.Classes]++;
                }
            }
        );
        return counts;
    }

    // Signed errors: p of a pixel of other classes, -(1 - p) of a pixel of the class; 0 where ignored.
    private static void Errors<T>(PixelScan<T> pixels, Tensor errors, int rows, HashSet<int> chosen, long? ignored)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var result = new TensorMemory<T>(errors);
        pixels.ForEachBlock(
            ignored,
            (block, softmax) =>
            {
                var y = pixels.Targets(block);
                for (var i = 0; i < y.Length; i++)
                    if (y[i] != ignored)
                        softmax[y[i]][i] = -(T.One - softmax.At(y[i], i));
                for (var c = 0; c < pixels.Classes; c++)
                    if (chosen.Contains(block.Image % rows * pixels.Classes + c))
                        softmax[c].CopyTo(result[pixels.Place(block, c), block.Length]);
            }
        );
    }

    // The loss is sum_c W_c p_c + constant: dl/dx_c = p_c (W_c - sum_k W_k p_k). W is 0 at ignored pixels.
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var classes = pixels.Classes;
        var weights = new TensorMemory<T>(kept!);
        var factors = outer[0].contiguous().data<T>().ToArray();
        var rows = options.PerImage ? pixels.Images : 1;
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var factor = factors.AsSpan(block.Image % rows * classes, classes);
                var mean = softmax.First;
                var slope = softmax.Second;
                mean.Clear();
                for (var c = 0; c < classes; c++)
                {
                    TensorPrimitives.Multiply(weights[pixels.Place(block, c), block.Length], factor[c], slope);
                    TensorPrimitives.MultiplyAdd(slope, softmax[c], mean, mean);
                }
                for (var c = 0; c < classes; c++)
                {
                    TensorPrimitives.Multiply(weights[pixels.Place(block, c), block.Length], factor[c], slope);
                    TensorPrimitives.Subtract(slope, mean, slope);
                    TensorPrimitives.Multiply(slope, softmax[c], gradient[pixels.Place(block, c), block.Length]);
                }
            }
        );
        GC.KeepAlive(kept);
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options)
    {
        var values = Linear(scores, kept!, options.PerImage);
        return stack([values, zeros_like(values), zeros_like(values)]);
    }

    /// <summary>sum_c W_c p_c + constant for given weights, [R, C], differentiable any number of times.</summary>
    private static Tensor Linear(Tensor scores, Tensor weights, bool perImage)
    {
        var values = (weights * nn.functional.softmax(scores, 1)).sum(2) + weights.clamp(max: 0).neg().sum(2);
        return perImage ? values : values.sum(0, keepdim: true);
    }

    /// <summary>The same by tensor operations, on any device; every class is sorted.</summary>
    internal static Tensor ByTensors(Tensor scores, Tensor indices, Options options)
    {
        var valid = options.Ignored is null ? ones_like(indices, ScalarType.Bool) : indices.ne(options.Ignored.Value);
        var (weight, safe) = (valid.to(scores.dtype), indices.masked_fill(valid.logical_not(), 0));
        var target = zeros_like(scores.select(2, 0)).scatter_add(1, safe, weight);
        var count = weight.sum(1, keepdim: true).expand(target.shape);
        Tensor weights;
        using (no_grad())
        {
            var p = nn.functional.softmax(scores, 1) * weight.unsqueeze(1);
            var own = (1 - p.gather(1, safe.unsqueeze(1))).neg().masked_fill(valid.logical_not().unsqueeze(1), 0);
            weights = LovaszExtension.ByTensors(p.scatter(1, safe.unsqueeze(1), own), options.PerImage).Weights;
        }
        if (!options.PerImage)
            (target, count) = (target.sum(0, keepdim: true), count.sum(0, keepdim: true));
        var values = Linear(scores, weights, options.PerImage);
        var counts = options.PresentOnly ? target.gt(0) : ones_like(target, ScalarType.Bool);
        counts[TensorIndex.Colon, TensorIndex.Slice(stop: options.FirstClass)] = false;
        return stack([values.masked_fill(counts.logical_not(), 0), target, count]);
    }
}
