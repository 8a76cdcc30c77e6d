using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The sum over pixels and classes of a field times p, or times (p - y)^2, for class indices on the CPU. The field is made of distances to the borders of
/// classes, class by class in place; it and the gradient are the only tensors of the logits' size.
/// </summary>
internal sealed class BorderField : PixelFunction<BorderField, BorderField.Options>
{
    /// <param name="Loss">Named by errors.</param>
    /// <param name="Ignored">The index that counts nowhere.</param>
    /// <param name="FirstClass">The first class that counts.</param>
    /// <param name="Shape">The spatial axes.</param>
    /// <param name="Steps">The distance of neighbouring pixels along each.</param>
    /// <param name="Power">Null: the field is the signed distance, and times p. Else: the sum of the distances to the true and to the predicted border, each to this power, and times (p - y)^2.</param>
    /// <param name="Maps">The distances to the true borders where they are known, [N, C', S].</param>
    /// <param name="ClassWeights">What the field of a class is multiplied by, indexed by class.</param>
    internal sealed record Options(
        Loss Loss,
        long? Ignored,
        int FirstClass,
        int[] Shape,
        double[] Steps,
        double? Power,
        Tensor? Maps,
        IReadOnlyList<double>? ClassWeights
    );

    /// <summary>The sum of each image, [N].</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) => Apply(scores, indices, options);

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options)
    {
        var (classes, first) = (scores.shape[1], options.FirstClass);
        var p = classes == 1 ? scores.sigmoid() : nn.functional.softmax(scores, 1);
        var numbers = arange(classes == 1 ? 1 : first, Math.Max(2, classes), ScalarType.Int64).view(1, -1, 1);
        var q = first == 0 ? p : p.narrow(1, first, classes - first);
        if (options.Power is not null)
            q = (q - indices.unsqueeze(1).eq(numbers).to(scores.dtype)).square();
        var sums = q * kept!;
        if (options.Ignored is { } none)
            sums = sums.masked_fill(indices.eq(none).unsqueeze(1), 0);
        return sums.sum([1, 2]);
    }

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var field = Field(pixels, options);
        var memory = new TensorMemory<T>(field);
        var parts = new double[pixels.Runs.Length];
        pixels.ForEachRun(
            (r, softmax) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    softmax.Load(pixels, block, options.Ignored);
                    if (options.Power is not null)
                        SubtractTargets(pixels, block, softmax, options.Ignored);
                    for (var c = options.FirstClass; c < pixels.Classes; c++)
                    {
                        var weights = memory[Place(pixels, block, c, options), block.Length];
                        if (options.Power is null)
                            parts[r] += double.CreateTruncating(TensorPrimitives.Dot<T>(weights, softmax[c]));
                        else
                        {
                            TensorPrimitives.Multiply(weights, softmax[c], softmax.First);
                            parts[r] += double.CreateTruncating(TensorPrimitives.Dot<T>(softmax.First, softmax[c]));
                        }
                    }
                }
            }
        );
        var sums = new double[pixels.Images];
        for (var r = 0; r < parts.Length; r++)
            sums[pixels.Runs[r].Image] += parts[r];
        GC.KeepAlive(field);
        return (tensor(sums, pixels.Scores.dtype), field);
    }

    // dl/dp_c = W_c, or 2 W_c (p_c - [y = c]); dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k).
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var (first, squared) = (options.FirstClass, options.Power is not null);
        var memory = new TensorMemory<T>(kept!);
        var factors = (squared ? outer * 2 : outer).contiguous().data<T>().ToArray();
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var factor = factors[block.Image];
                var mean = softmax.First;
                mean.Clear();
                for (var c = 0; c < pixels.Classes; c++)
                {
                    var x = gradient[pixels.Place(block, c), block.Length];
                    if (c < first)
                    {
                        x.Clear();
                        continue;
                    }
                    TensorPrimitives.Multiply(memory[Place(pixels, block, c, options), block.Length], factor, x);
                    if (squared)
                        TensorPrimitives.Multiply(x, softmax[c], x);
                    TensorPrimitives.MultiplyAdd(x, softmax[c], mean, mean);
                }
                var y = pixels.Targets(block);
                for (var i = 0; squared && i < y.Length; i++)
                {
                    var c = Row(pixels, y[i], options.Ignored);
                    if (c < first)
                        continue;
                    var own = factor * memory[Place(pixels, block, c, options) + i];
                    gradient[pixels.Place(block, c) + i] -= own;
                    mean[i] -= own * softmax.At(c, i);
                }
                for (var c = 0; c < pixels.Classes; c++)
                {
                    var x = gradient[pixels.Place(block, c), block.Length];
                    TensorPrimitives.Subtract(x, mean, x);
                    TensorPrimitives.Multiply(x, softmax[c], x);
                }
            }
        );
        GC.KeepAlive(kept);
    }

    // The place of a block's first pixel in a class's plane of the field.
    private static long Place<T>(PixelScan<T> pixels, CpuWork.Run block, int c, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        (block.Image * (long)(pixels.Classes - options.FirstClass) + c - options.FirstClass) * pixels.Pixels + block.From;

    // The row of probabilities that is a target's; -1: none.
    private static int Row<T>(PixelScan<T> pixels, long target, long? ignored)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => target == ignored ? -1 : (int)target - (pixels.Classes == 1 ? 1 : 0);

    private static void SubtractTargets<T>(PixelScan<T> pixels, CpuWork.Run block, ProbabilityBlock<T> softmax, long? ignored)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = pixels.Targets(block);
        for (var i = 0; i < y.Length; i++)
            if (Row(pixels, y[i], ignored) is >= 0 and var c)
                softmax[c][i] -= T.One;
    }

    private static Tensor Field<T>(PixelScan<T> pixels, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(pixels, options);
        var (first, length, power) = (options.FirstClass, checked((int)pixels.Pixels), options.Power);
        var classes = pixels.Classes - first;
        if (options.Maps is { } maps && power is null && options.ClassWeights is null)
            return maps.contiguous();
        var field = options.Maps?.clone().contiguous() ?? empty([pixels.Images, classes, length], pixels.Scores.dtype);
        var (memory, known) = (new TensorMemory<T>(field), options.Maps is not null);
        using var predicted = power is null ? null : Predicted(pixels, options);
        var (targets, labels) = (new PixelTargets(pixels.Indices), predicted is null ? default : new PixelTargets(predicted));
        DistanceTransform.ForEachImage(
            pixels.Images * classes,
            (plane, parallel) =>
            {
                var (start, c) = (plane / classes * (long)length, plane % classes + first);
                var place = (long)plane * length;
                var distances = new ClassDistances(pixels.Classes == 1 ? 1 : c, options.Shape, options.Steps, parallel);
                if (!known)
                    distances.Write(targets, start, options.Ignored, memory, place, signed: power is null);
                if (power is { } alpha)
                {
                    using var others = empty(length, pixels.Scores.dtype);
                    var other = new TensorMemory<T>(others);
                    distances.Write(labels, start, null, other, 0, signed: false);
                    DistanceTransform.InRanges(
                        length,
                        parallel,
                        (from, to) =>
                        {
                            var map = memory[place + from, to - from];
                            var more = other[from, to - from];
                            Raise(map, alpha);
                            Raise(more, alpha);
                            TensorPrimitives.Add(map, more, map);
                        }
                    );
                }
                if (options.ClassWeights is { } weights)
                {
                    var map = memory[place, length];
                    TensorPrimitives.Multiply(map, T.CreateTruncating(weights[c]), map);
                }
            }
        );
        GC.KeepAlive(field);
        GC.KeepAlive(predicted);
        GC.KeepAlive(pixels.Indices);
        return field;
    }

    private static void Check<T>(PixelScan<T> pixels, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var indices = Math.Max(2, pixels.Classes);
        CpuWork.For(
            pixels.Runs.Length,
            r =>
            {
                foreach (var y in pixels.Targets(pixels.Runs[r]))
                    if ((ulong)y >= (ulong)indices && y != options.Ignored)
                        throw Shapes.WrongIndex(options.Loss, y, indices, options.Ignored);
            }
        );
        GC.KeepAlive(pixels.Indices);
    }

    private static void Raise<T>(Span<T> distances, double power)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (power == 2)
            TensorPrimitives.Multiply(distances, distances, distances);
        else
            TensorPrimitives.Pow(distances, T.CreateTruncating(power), distances);
    }

    // The class whose probability is above one half, [N, S]; there is at most one. -1: none. Of one class: 1 or 0.
    private static Tensor Predicted<T>(PixelScan<T> pixels, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var single = pixels.Classes == 1;
        // Beside one class int64 would take twice the room of the logits.
        var result = single ? zeros(pixels.Indices.shape, ScalarType.Byte) : full(pixels.Indices.shape, -1, ScalarType.Int64);
        var (bytes, longs) = single
            ? (new TensorMemory<byte>(result), default)
            : (default(TensorMemory<byte>), new TensorMemory<long>(result));
        var half = T.CreateTruncating(0.5);
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var from = block.Image * pixels.Pixels + block.From;
                for (var c = options.FirstClass; c < pixels.Classes; c++)
                {
                    var p = softmax[c];
                    for (var i = 0; i < p.Length; i++)
                        if (!(p[i] > half))
                            continue;
                        else if (single)
                            bytes[from + i] = 1;
                        else
                            longs[from + i] = c;
                }
            }
        );
        GC.KeepAlive(result);
        return result;
    }
}
