using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// Softmax and region sums in one pass over the logits, and their gradient in another, on the CPU: no tensor of the size of the logits is made but
/// the gradient. The same numbers as <see cref="RegionSums.OfIndices"/>, which also serves second derivatives.
/// </summary>
internal sealed class SoftmaxRegionSums : autograd.SingleTensorFunction<SoftmaxRegionSums>
{
    private sealed record Options(Loss Loss, long? Ignored, bool Squared);

    public override string Name => nameof(SoftmaxRegionSums);

    /// <summary>TP, FP, FN, sum y and the valid pixels, [5, N, C].</summary>
    public static Tensor Of(Loss loss, Tensor scores, Tensor indices, long? ignored, bool squared) =>
        apply(scores, indices, new Options(loss, ignored, squared));

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (scores, indices, options) = ((Tensor)vars[0], (Tensor)vars[1], (Options)vars[2]);
        ctx.save_for_backward([scores, indices]);
        ctx.save_data(nameof(Options), options);
        return scores.dtype == ScalarType.Float64
            ? Forward<double>(scores.contiguous(), Indices(indices), options)
            : Forward<float>(scores.contiguous(), Indices(indices), options);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (scores, indices, options) = (saved[0], saved[1], (Options)ctx.get_data(nameof(Options)));
        var gradient =
            is_grad_enabled() ? Differentiable(scores, indices, options, grad_output)
            : scores.dtype == ScalarType.Float64 ? Backward<double>(scores.contiguous(), Indices(indices), options, grad_output)
            : Backward<float>(scores.contiguous(), Indices(indices), options, grad_output);
        return [gradient.MoveToOuterDisposeScope(), null!, null!];
    }

    private static Tensor Indices(Tensor indices) => indices.to(ScalarType.Int64).contiguous();

    private static Tensor Forward<T>(Tensor scores, Tensor indices, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (images, classes, pixels) = ((int)scores.shape[0], (int)scores.shape[1], scores.shape[2]);
        var (logits, targets) = (new TensorMemory<T>(scores), new TensorMemory<long>(indices));
        var runs = CpuWork.Runs(images, pixels);
        var parts = new Part[runs.Length];
        CpuWork.For(
            runs.Length,
            r =>
            {
                var part = parts[r] = new Part(classes);
                var block = new SoftmaxBlock<T>(classes);
                foreach (var (image, from, length) in runs[r].Blocks(block.Capacity))
                {
                    var y = targets[image * pixels + from, length];
                    block.Load(logits, pixels, image, from, y, options.Ignored);
                    for (var c = 0; c < classes; c++)
                    {
                        var p = block[c];
                        part.Predicted[c] += double.CreateTruncating(
                            options.Squared ? TensorPrimitives.SumOfSquares<T>(p) : TensorPrimitives.Sum<T>(p)
                        );
                    }
                    for (var i = 0; i < length; i++)
                    {
                        var c = y[i];
                        if (c == options.Ignored)
                            continue;
                        if ((ulong)c >= (ulong)classes)
                            throw Shapes.WrongIndex(options.Loss, c, classes, options.Ignored);
                        part.Right[c] += double.CreateTruncating(block.At(c, i));
                        part.Target[c]++;
                    }
                }
            }
        );
        var sums = new double[5 * images * classes];
        for (var r = 0; r < runs.Length; r++)
            parts[r].AddTo(sums, runs[r].Image, images);
        GC.KeepAlive(scores);
        return tensor(sums, [5, images, classes], scores.dtype);
    }

    // dl/dp_c = FP' (2 p_c if squared) + (TP' - FP' - FN') [y = c]; dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k).
    private static Tensor Backward<T>(Tensor scores, Tensor indices, Options options, Tensor outer)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (images, classes, pixels) = ((int)scores.shape[0], (int)scores.shape[1], scores.shape[2]);
        var result = empty_like(scores);
        var (logits, targets, gradient) = (new TensorMemory<T>(scores), new TensorMemory<long>(indices), new TensorMemory<T>(result));
        var everywhere = (options.Squared ? outer[1] * 2 : outer[1]).contiguous().data<T>().ToArray();
        var onTarget = (outer[0] - outer[1] - outer[2]).contiguous().data<T>().ToArray();
        var runs = CpuWork.Runs(images, pixels);
        CpuWork.For(
            runs.Length,
            r =>
            {
                var block = new SoftmaxBlock<T>(classes);
                var (mean, slope, right) = (new T[block.Capacity], new T[block.Capacity], new T[block.Capacity]);
                foreach (var (image, from, length) in runs[r].Blocks(block.Capacity))
                {
                    var y = targets[image * pixels + from, length];
                    block.Load(logits, pixels, image, from, y, options.Ignored);
                    var m = mean.AsSpan(0, length);
                    var s = slope.AsSpan(0, length);
                    var all = everywhere.AsSpan(image * classes, classes);
                    var own = onTarget.AsSpan(image * classes, classes);
                    m.Clear();
                    for (var c = 0; c < classes; c++)
                        if (options.Squared)
                        {
                            TensorPrimitives.Multiply(block[c], all[c], s);
                            TensorPrimitives.MultiplyAdd(s, block[c], m, m);
                        }
                        else
                            TensorPrimitives.MultiplyAdd(block[c], all[c], m, m);
                    for (var i = 0; i < length; i++)
                        if (y[i] != options.Ignored)
                            m[i] += right[i] = own[(int)y[i]] * block.At(y[i], i);
                    for (var c = 0; c < classes; c++)
                    {
                        var x = gradient[(image * (long)classes + c) * pixels + from, length];
                        if (options.Squared)
                        {
                            TensorPrimitives.Multiply(block[c], all[c], s);
                            TensorPrimitives.Subtract(s, m, s);
                        }
                        else
                            TensorPrimitives.Subtract(all[c], m, s);
                        TensorPrimitives.Multiply(s, block[c], x);
                    }
                    for (var i = 0; i < length; i++)
                        if (y[i] != options.Ignored)
                            gradient[(image * (long)classes + y[i]) * pixels + from + i, 1][0] += right[i];
                }
            }
        );
        GC.KeepAlive(scores);
        GC.KeepAlive(indices);
        return result;
    }

    private static Tensor Differentiable(Tensor scores, Tensor indices, Options options, Tensor outer)
    {
        var sums = RegionSums.OfIndices(scores, indices, options.Ignored, options.Squared);
        return autograd.grad([sums], [scores], [outer], retain_graph: true, create_graph: true)[0];
    }

    // Sums of a run, in double: a float would lose small regions in large images.
    private sealed class Part(int classes)
    {
        public readonly double[] Right = new double[classes];
        public readonly double[] Predicted = new double[classes];
        public readonly double[] Target = new double[classes];

        public void AddTo(double[] sums, int image, int images)
        {
            var valid = Target.Sum();
            for (var c = 0; c < classes; c++)
            {
                double[] rows = [Right[c], Predicted[c] - Right[c], Target[c] - Right[c], Target[c], valid];
                for (var row = 0; row < rows.Length; row++)
                    sums[(row * images + image) * classes + c] += rows[row];
            }
        }
    }
}
