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
    internal sealed record Options(Loss Loss, long? Ignored, bool Squared);

    /// <summary>TP, FP, FN, sum y and the valid pixels, [5, N, C].</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) =>
        scores.device_type == DeviceType.CPU
            ? apply(scores, indices, options)
            : RegionSums.ByTensors(scores, indices, options.Ignored, options.Squared);

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options) =>
        RegionSums.ByTensors(scores, indices, options.Ignored, options.Squared);

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var (images, classes) = (pixels.Images, pixels.Classes);
        var (parts, own, indices) = (new Part[pixels.Runs.Length], First(classes), Math.Max(2, classes));
        pixels.ForEachRun(
            (r, softmax) =>
            {
                var part = parts[r] = new Part(classes);
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    softmax.Load(pixels, block, options.Ignored);
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
        return (tensor(sums, [5, images, classes], pixels.Scores.dtype), null);
    }

    // dl/dp_c = FP' (2 p_c if squared) + (TP' - FP' - FN') [y = c]; dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k),
    // which for one class is p (1 - p) dl/dp.
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var classes = pixels.Classes;
        var first = First(classes);
        var everywhere = (options.Squared ? outer[1] * 2 : outer[1]).contiguous().data<T>().ToArray();
        var onTarget = (outer[0] - outer[1] - outer[2]).contiguous().data<T>().ToArray();
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
            }
        );
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
