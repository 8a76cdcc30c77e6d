using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// log sum exp of the rows of a matrix, each scaled and lowered on the way. On the CPU a row stays in the processor's cache for all that is done to it; torch's
/// own goes over the matrix seven times.
/// </summary>
internal sealed class RowLogSums : autograd.SingleTensorFunction<RowLogSums>
{
    // Beyond the last digit of a sum in double precision, of a million columns too. For torch an exponential that underflows takes ten times as long.
    private const double Depth = 64;

    private const int RunLength = 1 << 16;

    public override string Name => nameof(RowLogSums);

    /// <summary>log sum_j exp(scale value_ij + added_ij), [N].</summary>
    /// <param name="values">[N, M], M at least 1.</param>
    /// <param name="added">[N, M], not on the graph; null: 0.</param>
    /// <param name="scale">Multiplies the values.</param>
    public static Tensor Of(Tensor values, Tensor? added = null, double scale = 1) =>
        values.device_type == DeviceType.CPU && values.shape[1] > 0
            ? apply(values, new Options(added, scale))
            : ByTensors(values, added, scale);

    private static Tensor ByTensors(Tensor values, Tensor? added, double scale)
    {
        var exponents = added is null ? values * scale : added.add(values, alpha: scale);
        return exponents.clamp(min: exponents.detach().amax([1], keepdim: true) - Depth).logsumexp(1);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (values, options) = ((Tensor)vars[0], (Options)vars[1]);
        using var scope = NewDisposeScope();
        var (highest, sums) = (empty(values.shape[0], dtype: values.dtype), empty(values.shape[0], dtype: values.dtype));
        if (values.dtype == ScalarType.Float64)
            Add<double>(values.detach(), options, highest, sums);
        else
            Add<float>(values.detach(), options, highest, sums);
        (highest, sums) = (highest.MoveToOuterDisposeScope(), sums.MoveToOuterDisposeScope()); // what is saved must outlive this method
        ctx.save_for_backward(options.Added is null ? [values, highest, sums] : [values, highest, sums, options.Added]);
        ctx.save_data(nameof(Options), options.Scale);
        return (highest + sums.log()).MoveToOuterDisposeScope();
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var options = new Options(saved.Count > 3 ? saved[3] : null, (double)ctx.get_data(nameof(Options)));
        Tensor gradient;
        if (is_grad_enabled()) // it will itself be differentiated
            gradient = autograd.grad(
                [ByTensors(saved[0], options.Added, options.Scale)],
                [saved[0]],
                [grad_output],
                retain_graph: true,
                create_graph: true
            )[0];
        else
        {
            gradient = empty(saved[0].shape, saved[0].dtype);
            if (gradient.dtype == ScalarType.Float64)
                Differentiate<double>(saved[0].detach(), options, saved[1], grad_output / saved[2], gradient);
            else
                Differentiate<float>(saved[0].detach(), options, saved[1], grad_output / saved[2], gradient);
        }
        FinalBackward.Free(ctx);
        return [ReturnedGradient.Keep(gradient.MoveToOuterDisposeScope()), null!];
    }

    // The sums of exp(exponent - highest exponent).
    private static void Add<T>(Tensor values, Options options, Tensor highest, Tensor sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (tops, result) = (new TensorMemory<T>(highest), new TensorMemory<T>(sums));
        ForEachRow<T>(
            values,
            options,
            (i, exponents) =>
            {
                tops[i] = TensorPrimitives.Max<T>(exponents);
                TensorPrimitives.Subtract(exponents, tops[i], exponents);
                TensorPrimitives.Exp(exponents, exponents);
                result[i] = TensorPrimitives.Sum<T>(exponents);
            }
        );
    }

    // d log sum / d value = scale exp(exponent - highest) / sum: of the very sum that was taken, so that a single exponent's share is 1.
    private static void Differentiate<T>(Tensor values, Options options, Tensor highest, Tensor outer, Tensor gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (tops, factors, result) = (new TensorMemory<T>(highest), new TensorMemory<T>(outer), new TensorMemory<T>(gradient));
        var scale = T.CreateTruncating(options.Scale);
        ForEachRow<T>(
            values,
            options,
            (i, exponents) =>
            {
                TensorPrimitives.Subtract(exponents, tops[i], exponents);
                TensorPrimitives.Exp(exponents, exponents);
                TensorPrimitives.Multiply(exponents, factors[i] * scale, result[i * exponents.Length, exponents.Length]);
            }
        );
    }

    private delegate void RowVisit<T>(long row, Span<T> exponents);

    private static void ForEachRow<T>(Tensor values, Options options, RowVisit<T> visit)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (rows, columns) = (values.shape[0], (int)values.shape[1]);
        values = values.contiguous();
        var added = options.Added?.contiguous();
        var memory = new TensorMemory<T>(values);
        var addends = added is null ? default : new TensorMemory<T>(added);
        var scale = T.CreateTruncating(options.Scale);
        var rowsARun = Math.Max(1, RunLength / columns);
        CpuWork.For(
            (int)((rows + rowsARun - 1) / rowsARun),
            run =>
            {
                var exponents = new T[columns];
                for (var i = run * (long)rowsARun; i < Math.Min(rows, (run + 1L) * rowsARun); i++)
                {
                    var row = memory[i * columns, columns];
                    if (added is null)
                        TensorPrimitives.Multiply(row, scale, exponents);
                    else
                        TensorPrimitives.MultiplyAdd(row, scale, addends[i * columns, columns], exponents);
                    visit(i, exponents);
                }
            }
        );
        GC.KeepAlive(values);
        GC.KeepAlive(added);
    }

    private sealed record Options(Tensor? Added, double Scale);
}
