using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A formula over all elements of its inputs as one operation: on the CPU one pass that makes values and derivatives, elsewhere tensor operations. Under
/// <c>create_graph</c> the gradient is made of tensor operations, which can be differentiated again.
/// </summary>
internal sealed class ElementFunction<TFormula> : autograd.SingleTensorFunction<ElementFunction<TFormula>>
    where TFormula : struct, IElementFormula
{
    public override string Name => typeof(TFormula).Name;

    /// <summary>The values, or their sum, and the number that a mean divides by.</summary>
    public static (Tensor Values, Tensor Count) Of(TFormula formula, bool summed, Tensor[] inputs)
    {
        var work = new Work(formula, summed, [.. inputs.Select(KnownGradient.IsWanted)]);
        var values = apply([work, .. inputs]);
        return (values, work.Count!);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var work = (Work)vars[0];
        Tensor[] inputs = [.. vars.Skip(1).Cast<Tensor>()];
        using var scope = NewDisposeScope();
        Tensor[] numbers = [.. inputs.Select(input => input.detach())];
        var (values, count, slopes) =
            numbers[0].device_type != DeviceType.CPU ? work.ByTensors(numbers)
            : numbers[0].dtype == ScalarType.Float64 ? work.ByLoop<double>(numbers)
            : work.ByLoop<float>(numbers);
        work.Count = count.MoveToOuterDisposeScope();
        ctx.save_for_backward([.. inputs, .. slopes.Select(slope => slope.MoveToOuterDisposeScope())]);
        ctx.save_data(nameof(Work), work);
        return values.MoveToOuterDisposeScope();
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var work = (Work)ctx.get_data(nameof(Work));
        var saved = ctx.get_saved_variables();
        Tensor[] inputs = [.. saved.Take(work.Wanted.Length)];
        var slopes = is_grad_enabled() ? work.ByTensors(inputs).Slopes : [.. saved.Skip(work.Wanted.Length)];
        var gradients = new Tensor?[inputs.Length];
        for (var (i, next) = (0, 0); i < inputs.Length; i++)
            if (work.Wanted[i])
                gradients[i] = (slopes[next++] * grad_output).MoveToOuterDisposeScope();
        ReturnedGradient.Keep(gradients);
        FinalBackward.Free(ctx);
        return [null!, .. gradients.Select(gradient => gradient!)];
    }

    /// <summary>What is computed of which inputs.</summary>
    private sealed record Work(TFormula Formula, bool Summed, bool[] Wanted)
    {
        public Tensor? Count { get; set; }

        private bool WantsAny => Wanted.Contains(true);

        public (Tensor Values, Tensor Count, Tensor[] Slopes) ByTensors(Tensor[] inputs)
        {
            var (values, counts, slopes) = ElementFormulas.ByTensors(Formula, inputs, WantsAny);
            return (Summed ? values.sum() : values, counts.sum(), [.. slopes.Where((_, i) => Wanted[i])]);
        }

        public (Tensor Values, Tensor Count, Tensor[] Slopes) ByLoop<T>(Tensor[] inputs)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var like = inputs[0];
            var values = Summed ? null : empty(like.shape, like.dtype);
            var slopes = Wanted.Select(wanted => wanted ? empty(like.shape, like.dtype) : null).ToArray();
            var (sums, counts) = ElementLoop<T, TFormula>.OverRows(Formula, inputs, values, slopes, rows: 1);
            return (values ?? tensor(sums[0], like.dtype), tensor(counts[0], like.dtype), [.. slopes.OfType<Tensor>()]);
        }
    }
}
