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
    internal sealed record Options(Loss Loss, long? Ignored, bool Squared, CostOptions? Costs = null);

    /// <summary>TP, FP, FN, sum y and the valid pixels, [5, N, C].</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) =>
        scores.device_type == DeviceType.CPU
            ? scores.numel() == indices.numel()
                ? BinaryRegionSums.Of(scores, indices, options)
                : Apply(scores, indices, options)
            : RegionSums.ByTensors(AsScores(scores, indices), indices, options.Ignored, options.Squared);

    /// <summary>The sums and, from the same softmax, sum w f(n) and sum w of every image over the costs n = -ln p_y of pixels, [2, N].</summary>
    public static (Tensor Sums, Tensor Costs) WithCosts(Tensor scores, Tensor indices, Options options, CostOptions costs)
    {
        if (scores.device_type != DeviceType.CPU)
            return (Of(scores, indices, options), CostSums.Of(scores, indices, costs));
        // A function has one result.
        var (images, classes) = (scores.shape[0], scores.shape[1]);
        var all = Apply(scores, indices, options with { Costs = costs });
        var sums = 5 * images * classes;
        return (all.narrow(0, 0, sums).view(5, images, classes), all.narrow(0, sums, 2 * images).view(2, images));
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options)
    {
        var sums = RegionSums.ByTensors(scores, indices, options.Ignored, options.Squared);
        return options.Costs is null ? sums : cat([sums.flatten(), options.Costs.ByTensors(scores, indices, null).flatten()]);
    }

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var (images, classes) = (pixels.Images, pixels.Classes);
        var (parts, own, indices) = (new Part[pixels.Runs.Length], First(classes), Math.Max(2, classes));
        pixels.ForEachRun(
            softmax => (Softmax: softmax, Costs: CostsOf(pixels, softmax, options)),
            (r, room) =>
            {
                var (softmax, costs) = room;
                var part = parts[r] = new Part(classes);
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    softmax.Load(pixels, block, options.Ignored, costs);
                    if (costs is not null)
                    {
                        part.Costs += costs.Sum();
                        part.Weights += costs.WeightSum();
                    }
                    for (var c = 0; c < classes; c++)
                        part.Predicted[c] += double.CreateTruncating(
                            options.Squared ? TensorPrimitives.SumOfSquares<T>(softmax[c]) : TensorPrimitives.Sum<T>(softmax[c])
                        );
                    var y = pixels.Targets(block);
                    if (classes == 1)
                    {
                        AddLabels(part, y, softmax, options);
                        continue;
                    }
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
        var count = 5 * images * classes;
        var sums = new double[options.Costs is null ? count : count + 2 * images];
        for (var r = 0; r < parts.Length; r++)
        {
            var image = pixels.Runs[r].Image;
            parts[r].AddTo(sums, image, images);
            if (options.Costs is null)
                continue;
            sums[count + image] += parts[r].Costs;
            sums[count + images + image] += parts[r].Weights;
        }
        return (options.Costs is null ? tensor(sums, [5, images, classes], pixels.Scores.dtype) : tensor(sums, pixels.Scores.dtype), null);
    }

    // dl/dp_c = FP' (2 p_c if squared) + (TP' - FP' - FN') [y = c]; dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k),
    // which for one class is p (1 - p) dl/dp. Of a pixel's cost: dn/dx_c = p_c - [y = c].
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var classes = pixels.Classes;
        var first = First(classes);
        var count = 5L * pixels.Images * classes;
        var factors = options.Costs is null ? [] : outer.narrow(0, count, pixels.Images).data<T>().ToArray();
        using var ofSums = outer.flatten().narrow(0, 0, count).view(5, pixels.Images, classes);
        var everywhere = (options.Squared ? ofSums[1] * 2 : ofSums[1]).contiguous().data<T>().ToArray();
        var onTarget = (ofSums[0] - ofSums[1] - ofSums[2]).contiguous().data<T>().ToArray();
        void Visit(CpuWork.Run block, ProbabilityBlock<T> softmax, CostBlock<T>? costs)
        {
            var all = everywhere.AsSpan(block.Image * classes, classes);
            var own = onTarget.AsSpan(block.Image * classes, classes);
            var mean = softmax.First;
            var slope = softmax.Second;
            var y = pixels.Targets(block);
            if (classes == 1)
            {
                var x = gradient[pixels.Place(block, 0), block.Length];
                OfLabels(y, softmax, all[0], own[0], options.Squared, x);
                if (costs is null)
                    return;
                costs.OfLogit(costs.Slopes(factors[block.Image]), slope);
                TensorPrimitives.Add(x, slope, x);
                return;
            }
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
            var ofCosts = costs is null ? default : costs.Slopes(factors[block.Image]);
            if (costs is not null)
                TensorPrimitives.Subtract(mean, ofCosts, mean);
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
            if (costs is null)
                return;
            for (var i = 0; i < y.Length; i++)
                if (y[i] != options.Ignored)
                    gradient[pixels.Place(block, y[i]) + i] -= ofCosts[i];
        }
        pixels.ForEachRun(
            softmax => (Softmax: softmax, Costs: CostsOf(pixels, softmax, options)),
            (r, room) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(room.Softmax.Capacity))
                {
                    room.Softmax.Load(pixels, block, options.Ignored, room.Costs, withCosts: options.Costs?.Curve is not null);
                    Visit(block, room.Softmax, room.Costs);
                }
            }
        );
        GC.KeepAlive(outer);
    }

    // Of one class; the probability is 0 where ignored, whatever the label there.
    private static void AddLabels<T>(Part part, ReadOnlySpan<long> y, ProbabilityBlock<T> softmax, Options options)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var (positives, ignored) = (y.Count(1L), options.Ignored is { } none ? y.Count(none) : 0);
        var known = positives + y.Count(0L) + (options.Ignored is 0 or 1 ? 0 : ignored);
        if (known != y.Length)
            foreach (var label in y)
                if (label is not (0 or 1) && label != options.Ignored)
                    throw Shapes.WrongIndex(options.Loss, label, 2, options.Ignored);
        var labels = softmax.First;
        PixelTargets.CopySmall(y, labels);
        part.Right[0] += double.CreateTruncating(TensorPrimitives.Dot<T>(labels, softmax[0]));
        part.Target[0] += options.Ignored == 1 ? 0 : positives;
        part.Valid += y.Length - ignored;
    }

    // Of one class: dl/dp = FP' (2 p if squared) + (TP' - FP' - FN') y, dl/dx = p (1 - p) dl/dp.
    private static void OfLabels<T>(
        ReadOnlySpan<long> y,
        ProbabilityBlock<T> softmax,
        T everywhere,
        T onTarget,
        bool squared,
        Span<T> gradient
    )
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var p = softmax[0];
        var slope = softmax.First;
        PixelTargets.CopySmall(y, slope);
        TensorPrimitives.Multiply(slope, onTarget, slope);
        if (squared)
            TensorPrimitives.MultiplyAdd(p, everywhere, slope, slope);
        else
            TensorPrimitives.Add(slope, everywhere, slope);
        TensorPrimitives.Multiply(slope, p, slope);
        TensorPrimitives.Multiply(slope, p, gradient);
        TensorPrimitives.Subtract(slope, gradient, gradient);
    }

    private static CostBlock<T>? CostsOf<T>(PixelScan<T> pixels, ProbabilityBlock<T> softmax, Options options)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> =>
        options.Costs is { } costs ? new CostBlock<T>(pixels, softmax, costs, null) : null;

    // The target whose probability is row 0: one sigmoid gives that of target 1.
    private static int First(int classes) => classes == 1 ? 1 : 0;

    // Sums of a run, in double: a float would lose small regions in large images.
    private sealed class Part(int classes)
    {
        public readonly double[] Right = new double[classes];
        public readonly double[] Predicted = new double[classes];
        public readonly double[] Target = new double[classes];
        public long Valid;
        public double Costs;
        public double Weights;

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
