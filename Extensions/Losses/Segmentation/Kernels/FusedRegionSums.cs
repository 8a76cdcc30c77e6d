using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// Softmax (of one class: sigmoid) and region sums in one pass over the logits, and their gradient in another, on the CPU: no tensor of the size of
/// the logits is made but the gradient. The same numbers as <see cref="RegionSums.ByTensors"/>.
/// </summary>
internal sealed class FusedRegionSums : PixelFunction<FusedRegionSums, FusedRegionSums.Options>
{
    internal sealed record Options(Loss Loss, long? Ignored, bool Squared, bool WithLikelihoods = false);

    /// <summary>TP, FP, FN, sum y and the valid pixels, [5, N, C].</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) =>
        scores.device_type == DeviceType.CPU
            ? Apply(scores, indices, options)
            : RegionSums.ByTensors(AsScores(scores, indices), indices, options.Ignored, options.Squared);

    /// <summary>The sums and, from the same softmax, ln p_y of every pixel, [N, S]; 0 where ignored. Two classes or more.</summary>
    public static (Tensor Sums, Tensor LogLikelihoods) WithLikelihoods(Tensor scores, Tensor indices, Options options)
    {
        if (scores.device_type != DeviceType.CPU)
            return (Of(scores, indices, options), SoftmaxLogLikelihood.ByTensors(AsScores(scores, indices), indices, options.Ignored));
        // A function has one result: the sums, then the pixels.
        var (images, classes) = (scores.shape[0], scores.shape[1]);
        var all = Apply(scores, indices, options with { WithLikelihoods = true });
        var sums = 5 * images * classes;
        return (all.narrow(0, 0, sums).view(5, images, classes), all.narrow(0, sums, indices.numel()).view(indices.shape));
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options)
    {
        var sums = RegionSums.ByTensors(scores, indices, options.Ignored, options.Squared);
        return options.WithLikelihoods
            ? cat([sums.flatten(), SoftmaxLogLikelihood.ByTensors(scores, indices, options.Ignored).flatten()])
            : sums;
    }

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var (images, classes) = (pixels.Images, pixels.Classes);
        var (parts, own, indices) = (new Part[pixels.Runs.Length], First(classes), Math.Max(2, classes));
        var named = new IndexOptions(options.Loss, options.Ignored);
        var count = 5 * images * classes;
        var result = options.WithLikelihoods ? zeros(count + pixels.Indices.numel(), pixels.Scores.dtype) : null;
        var likelihoods = result is null ? default : new TensorMemory<T>(result.narrow(0, count, pixels.Indices.numel()));
        pixels.ForEachRun(
            (r, softmax) =>
            {
                var part = parts[r] = new Part(classes);
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    if (result is null)
                        softmax.Load(pixels, block, options.Ignored);
                    else
                    {
                        softmax.Exponentiate(pixels, block);
                        SoftmaxLogLikelihood.Pick(pixels, block, softmax.LogSums(), named, pixels.Of(likelihoods, block));
                        softmax.Normalise(pixels, block, options.Ignored);
                    }
                    for (var c = 0; c < classes; c++)
                        part.Predicted[c] += double.CreateTruncating(
                            options.Squared ? TensorPrimitives.SumOfSquares<T>(softmax[c]) : TensorPrimitives.Sum<T>(softmax[c])
                        );
                    var y = pixels.Targets(block);
                    for (var i = 0; i < y.Length; i++)
                    {
                        if (y[i] == options.Ignored)
                            continue;
                        if ((ulong)y[i] >= (ulong)indices)
                            throw Shapes.WrongIndex(options.Loss, y[i], indices, options.Ignored);
                        part.Valid++;
                        var c = y[i] - own;
                        if (c < 0)
                            continue;
                        part.Right[c] += double.CreateTruncating(softmax.At(c, i));
                        part.Target[c]++;
                    }
                }
            }
        );
        var sums = new double[5 * images * classes];
        for (var r = 0; r < parts.Length; r++)
            parts[r].AddTo(sums, pixels.Runs[r].Image, images);
        if (result is null)
            return (tensor(sums, [5, images, classes], pixels.Scores.dtype), null);
        result.narrow(0, 0, count).copy_(tensor(sums, pixels.Scores.dtype));
        return (result, null);
    }

    // dl/dp_c = FP' (2 p_c if squared) + (TP' - FP' - FN') [y = c]; dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k),
    // which for one class is p (1 - p) dl/dp. Of a pixel's likelihood: d ln p_y / dx_c = [y = c] - p_c.
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var classes = pixels.Classes;
        var first = First(classes);
        var count = 5L * pixels.Images * classes;
        var slopes = options.WithLikelihoods ? new TensorMemory<T>(outer.narrow(0, count, pixels.Indices.numel())) : default;
        using var ofSums = outer.flatten().narrow(0, 0, count).view(5, pixels.Images, classes);
        var everywhere = (options.Squared ? ofSums[1] * 2 : ofSums[1]).contiguous().data<T>().ToArray();
        var onTarget = (ofSums[0] - ofSums[1] - ofSums[2]).contiguous().data<T>().ToArray();
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var all = everywhere.AsSpan(block.Image * classes, classes);
                var own = onTarget.AsSpan(block.Image * classes, classes);
                var mean = softmax.First;
                var slope = softmax.Second;
                var y = pixels.Targets(block);
                mean.Clear();
                for (var c = 0; c < classes; c++)
                {
                    var p = softmax[c];
                    if (!options.Squared)
                        TensorPrimitives.MultiplyAdd(p, all[c], mean, mean);
                    else
                    {
                        TensorPrimitives.Multiply(p, all[c], slope);
                        TensorPrimitives.MultiplyAdd(slope, p, mean, mean);
                    }
                }
                for (var i = 0; i < y.Length; i++)
                    if (y[i] != options.Ignored && y[i] >= first)
                        mean[i] += own[(int)y[i] - first] * softmax.At(y[i] - first, i);
                if (options.WithLikelihoods)
                    TensorPrimitives.Add(mean, pixels.Of(slopes, block), mean);
                for (var c = 0; c < classes; c++)
                {
                    var p = softmax[c];
                    var x = gradient[pixels.Place(block, c), block.Length];
                    if (!options.Squared)
                        TensorPrimitives.Subtract(all[c], mean, slope);
                    else
                    {
                        TensorPrimitives.Multiply(p, all[c], slope);
                        TensorPrimitives.Subtract(slope, mean, slope);
                    }
                    TensorPrimitives.Multiply(slope, p, x);
                }
                for (var i = 0; i < y.Length; i++)
                    if (y[i] != options.Ignored && y[i] >= first)
                        gradient[pixels.Place(block, y[i] - first) + i] += own[(int)y[i] - first] * softmax.At(y[i] - first, i);
                if (!options.WithLikelihoods)
                    return;
                var likelihood = pixels.Of(slopes, block);
                for (var i = 0; i < y.Length; i++)
                    if (y[i] != options.Ignored)
                        gradient[pixels.Place(block, y[i]) + i] += likelihood[i];
            }
        );
        GC.KeepAlive(outer);
    }

    // The target whose probability is row 0: one sigmoid gives that of target 1.
    private static int First(int classes) => classes == 1 ? 1 : 0;

    // Sums of a run, in double: a float would lose small regions in large images.
    private sealed class Part(int classes)
    {
        public readonly double[] Right = new double[classes];
        public readonly double[] Predicted = new double[classes];
        public readonly double[] Target = new double[classes];
        public long Valid;

        public void AddTo(double[] sums, int image, int images)
        {
            for (var c = 0; c < classes; c++)
            {
                double[] rows = [Right[c], Predicted[c] - Right[c], Target[c] - Right[c], Target[c], Valid];
                for (var row = 0; row < rows.Length; row++)
                    sums[(row * images + image) * classes + c] += rows[row];
            }
        }
    }
}
