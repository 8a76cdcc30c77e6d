using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The Lovasz extension over the errors |y_c - p_c| of a softmax, class by class. On the CPU only the classes that count are sorted, and one tensor of the
/// logits' size is kept for the gradient: the weights, which take the place of the errors.
/// </summary>
internal sealed class LovaszSoftmax : autograd.SingleTensorFunction<LovaszSoftmax>
{
    internal sealed record Options(Loss Loss, long? Ignored, bool PerImage, bool PresentOnly, int FirstClass);

    public override string Name => nameof(LovaszSoftmax);

    /// <summary>The value, the target pixels and the valid pixels of every row and class, [3, R, C], R = N or 1; classes that do not count have value 0.</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) =>
        scores.device_type == DeviceType.CPU ? apply(scores, indices, options) : ByTensors(scores, indices, options);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (scores, options) = ((Tensor)vars[0], (Options)vars[2]);
        var indices = ((Tensor)vars[1]).to(ScalarType.Int64).contiguous();
        var counts = PixelCounts(scores, indices, options);
        var (rows, weights) =
            scores.dtype == ScalarType.Float64
                ? Forward<double>(scores.contiguous(), indices, counts, options)
                : Forward<float>(scores.contiguous(), indices, counts, options);
        ctx.save_for_backward([scores, indices, weights]);
        ctx.save_data(nameof(Options), options);
        return rows;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (scores, indices, weights) = (saved[0], saved[1], saved[2]);
        var options = (Options)ctx.get_data(nameof(Options));
        var outer = grad_output[0];
        var gradient =
            is_grad_enabled()
                ? autograd.grad([Linear(scores, weights, options.PerImage)], [scores], [outer], retain_graph: true, create_graph: true)[0]
            : scores.dtype == ScalarType.Float64 ? Backward<double>(scores.contiguous(), indices, weights, options, outer)
            : Backward<float>(scores.contiguous(), indices, weights, options, outer);
        return [gradient.MoveToOuterDisposeScope(), null!, null!];
    }

    // [N, C] pixels of each class; the last entry of a row: all valid ones.
    private static long[,] PixelCounts(Tensor scores, Tensor indices, Options options)
    {
        var (images, classes, pixels) = ((int)scores.shape[0], (int)scores.shape[1], (int)scores.shape[2]);
        var targets = new TensorMemory<long>(indices);
        var counts = new long[images, classes + 1];
        CpuWork.For(
            images,
            n =>
            {
                foreach (var c in targets[n * (long)pixels, pixels])
                    if (c != options.Ignored)
                    {
                        if ((ulong)c >= (ulong)classes)
                            throw Shapes.WrongIndex(options.Loss, c, classes, options.Ignored);
                        counts[n, c]++;
                        counts[n, classes]++;
                    }
            }
        );
        return counts;
    }

    private static (Tensor Rows, Tensor Weights) Forward<T>(Tensor scores, Tensor indices, long[,] counts, Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (images, classes, pixels) = ((int)scores.shape[0], (int)scores.shape[1], scores.shape[2]);
        var rows = options.PerImage ? images : 1;
        var result = new double[3, rows, classes];
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
        var errors = chosen.Length == rows * classes ? empty_like(scores) : zeros_like(scores);
        Errors<T>(scores, indices, errors, rows, [.. chosen], options.Ignored);
        var values = LovaszExtension.InPlace<T>(errors, rows, chosen);
        foreach (var k in chosen)
            result[0, k / classes, k % classes] = values[k];
        return (tensor(result, scores.dtype), errors);
    }

    // Signed errors: p of a pixel of other classes, -(1 - p) of a pixel of the class; 0 where ignored.
    private static void Errors<T>(Tensor scores, Tensor indices, Tensor errors, int rows, HashSet<int> chosen, long? ignored)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (images, classes, pixels) = ((int)scores.shape[0], (int)scores.shape[1], scores.shape[2]);
        var (logits, targets, result) = (new TensorMemory<T>(scores), new TensorMemory<long>(indices), new TensorMemory<T>(errors));
        var runs = CpuWork.Runs(images, pixels);
        CpuWork.For(
            runs.Length,
            r =>
            {
                var block = new SoftmaxBlock<T>(classes);
                foreach (var (image, from, length) in runs[r].Blocks(block.Capacity))
                {
                    var y = targets[image * pixels + from, length];
                    block.Load(logits, pixels, image, from, y, ignored);
                    for (var i = 0; i < length; i++)
                        if (y[i] != ignored)
                            block[(int)y[i]][i] = -(T.One - block.At(y[i], i));
                    for (var c = 0; c < classes; c++)
                        if (chosen.Contains(image % rows * classes + c))
                            block[c].CopyTo(result[(image * (long)classes + c) * pixels + from, length]);
                }
            }
        );
        GC.KeepAlive(scores);
    }

    // The loss is sum_c W_c p_c + constant: dl/dx_c = p_c (W_c - sum_k W_k p_k). W is 0 at ignored pixels.
    private static Tensor Backward<T>(Tensor scores, Tensor indices, Tensor weights, Options options, Tensor outer)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (images, classes, pixels) = ((int)scores.shape[0], (int)scores.shape[1], scores.shape[2]);
        var result = empty_like(scores);
        var (logits, targets) = (new TensorMemory<T>(scores), new TensorMemory<long>(indices));
        var (slopes, gradient) = (new TensorMemory<T>(weights), new TensorMemory<T>(result));
        var factors = outer.contiguous().data<T>().ToArray();
        var rows = options.PerImage ? images : 1;
        var runs = CpuWork.Runs(images, pixels);
        CpuWork.For(
            runs.Length,
            r =>
            {
                var block = new SoftmaxBlock<T>(classes);
                var (mean, slope) = (new T[block.Capacity], new T[block.Capacity]);
                foreach (var (image, from, length) in runs[r].Blocks(block.Capacity))
                {
                    block.Load(logits, pixels, image, from, targets[image * pixels + from, length], options.Ignored);
                    var m = mean.AsSpan(0, length);
                    var s = slope.AsSpan(0, length);
                    var factor = factors.AsSpan(image % rows * classes, classes);
                    m.Clear();
                    for (var c = 0; c < classes; c++)
                    {
                        TensorPrimitives.Multiply(block[c], factor[c], s);
                        TensorPrimitives.MultiplyAdd(s, slopes[(image * (long)classes + c) * pixels + from, length], m, m);
                    }
                    for (var c = 0; c < classes; c++)
                    {
                        var at = (image * (long)classes + c) * pixels + from;
                        TensorPrimitives.Multiply(slopes[at, length], factor[c], s);
                        TensorPrimitives.Subtract(s, m, s);
                        TensorPrimitives.Multiply(s, block[c], gradient[at, length]);
                    }
                }
            }
        );
        GC.KeepAlive(scores);
        GC.KeepAlive(indices);
        GC.KeepAlive(weights);
        return result;
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
