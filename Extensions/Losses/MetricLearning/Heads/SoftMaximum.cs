using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The mean of the scores of each group, weighed by their softmax: sum_k softmax_k(x / temperature) x_k. On the CPU one pass, and another for the gradient; torch's
/// own goes over the scores twelve times.
/// </summary>
internal sealed class SoftMaximum : autograd.SingleTensorFunction<SoftMaximum>
{
    private const int RunLength = 1 << 16;

    public override string Name => nameof(SoftMaximum);

    /// <summary>The value of each group, [N, M].</summary>
    /// <param name="scores">[N, M, K].</param>
    /// <param name="temperature">Above 0.</param>
    public static Tensor Of(Tensor scores, double temperature) =>
        scores.device_type == DeviceType.CPU && scores.numel() > 0 ? apply(scores, temperature) : ByTensors(scores, temperature);

    private static Tensor ByTensors(Tensor scores, double temperature) =>
        (nn.functional.softmax(scores / temperature, 2) * scores).sum([2]);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (scores, temperature) = ((Tensor)vars[0], (double)vars[1]);
        using var scope = NewDisposeScope();
        var values = empty(scores.shape[..2], scores.dtype).MoveToOuterDisposeScope();
        if (scores.dtype == ScalarType.Float64)
            Weigh<double>(scores.detach(), temperature, values);
        else
            Weigh<float>(scores.detach(), temperature, values);
        ctx.save_for_backward([scores, values.detach().MoveToOuterDisposeScope()]);
        ctx.save_data("temperature", temperature);
        return values;
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var temperature = (double)ctx.get_data("temperature");
        Tensor gradient;
        if (is_grad_enabled()) // it will itself be differentiated
            gradient = autograd.grad([ByTensors(saved[0], temperature)], [saved[0]], [grad_output], retain_graph: true, create_graph: true)[0];
        else
        {
            gradient = empty(saved[0].shape, saved[0].dtype);
            if (gradient.dtype == ScalarType.Float64)
                Differentiate<double>(saved[0].detach(), temperature, saved[1], grad_output, gradient);
            else
                Differentiate<float>(saved[0].detach(), temperature, saved[1], grad_output, gradient);
        }
        FinalBackward.Free(ctx);
        return [ReturnedGradient.Keep(gradient.MoveToOuterDisposeScope()), null!];
    }

    private static void Weigh<T>(Tensor scores, double temperature, Tensor values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (result, groups, size) = (new TensorMemory<T>(values), scores.shape[1], (int)scores.shape[2]);
        ForEachRow<T>(
            scores,
            temperature,
            (i, row, exponentials) =>
            {
                for (var j = 0; j < groups; j++)
                {
                    var x = row.Slice(j * size, size);
                    var e = exponentials.Slice(j * size, size);
                    var (sum, weighed) = (T.Zero, T.Zero);
                    for (var k = 0; k < x.Length; k++)
                    {
                        sum += e[k];
                        weighed += e[k] * x[k];
                    }
                    result[i * groups + j] = weighed / sum;
                }
            }
        );
    }

    // d value / d x_k = softmax_k (1 + (x_k - value) / temperature).
    private static void Differentiate<T>(Tensor scores, double temperature, Tensor values, Tensor outer, Tensor gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var factors = outer.contiguous();
        var (means, slopes, result) = (new TensorMemory<T>(values), new TensorMemory<T>(factors), new TensorMemory<T>(gradient));
        var (groups, size, scale) = (scores.shape[1], (int)scores.shape[2], T.CreateTruncating(1 / temperature));
        ForEachRow<T>(
            scores,
            temperature,
            (i, row, exponentials) =>
            {
                var target = result[i * row.Length, row.Length];
                for (var j = 0; j < groups; j++)
                {
                    var x = row.Slice(j * size, size);
                    var e = exponentials.Slice(j * size, size);
                    var sum = T.Zero;
                    foreach (var one in e)
                        sum += one;
                    var (mean, factor) = (means[i * groups + j], slopes[i * groups + j] / sum);
                    var to = target.Slice(j * size, size);
                    for (var k = 0; k < x.Length; k++)
                        to[k] = factor * e[k] * (T.One + (x[k] - mean) * scale);
                }
            }
        );
        GC.KeepAlive(factors);
    }

    private delegate void RowVisit<T>(long row, ReadOnlySpan<T> scores, ReadOnlySpan<T> exponentials);

    // Each row with exp((x - highest of the group) / temperature).
    private static void ForEachRow<T>(Tensor scores, double temperature, RowVisit<T> visit)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        scores = scores.contiguous();
        var (rows, size) = (scores.shape[0], (int)scores.shape[2]);
        var length = checked((int)(scores.shape[1] * size));
        var (memory, scale) = (new TensorMemory<T>(scores), T.CreateTruncating(1 / temperature));
        var rowsARun = Math.Max(1, RunLength / length);
        CpuWork.For(
            (int)((rows + rowsARun - 1) / rowsARun),
            run =>
            {
                var exponentials = new T[length];
                for (var i = run * (long)rowsARun; i < Math.Min(rows, (run + 1L) * rowsARun); i++)
                {
                    ReadOnlySpan<T> row = memory[i * length, length];
                    for (var from = 0; from < length; from += size)
                    {
                        var x = row.Slice(from, size);
                        var e = exponentials.AsSpan(from, size);
                        var highest = x[0];
                        foreach (var one in x)
                            highest = T.Max(highest, one);
                        for (var k = 0; k < x.Length; k++)
                            e[k] = (x[k] - highest) * scale;
                    }
                    TensorPrimitives.Exp<T>(exponentials, exponentials);
                    visit(i, row, exponentials);
                }
            }
        );
        GC.KeepAlive(scores);
    }
}
