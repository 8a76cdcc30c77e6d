using System.Numerics;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A formula over contiguous tensors on the CPU, a register at a time.</summary>
internal sealed class ElementLoop<T, TFormula>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TFormula : struct, IElementFormula
{
    private readonly TFormula formula;
    private readonly TensorMemory<T>[] inputs;
    private readonly TensorMemory<T>? values;
    private readonly TensorMemory<T>?[] slopes;
    private readonly bool wantsSlopes;

    /// <param name="formula">What is computed.</param>
    /// <param name="inputs">Of one shape. All tensors must outlive this.</param>
    /// <param name="values">Where values are written; null: nowhere.</param>
    /// <param name="slopes">Where derivatives by each input are written; null: nowhere.</param>
    public ElementLoop(TFormula formula, Tensor[] inputs, Tensor? values, Tensor?[] slopes)
    {
        static TensorMemory<T>? Memory(Tensor? tensor) => tensor is null ? null : new TensorMemory<T>(tensor);
        this.formula = formula;
        this.inputs = [.. inputs.Select(input => new TensorMemory<T>(input))];
        this.values = Memory(values);
        this.slopes = [.. slopes.Select(Memory)];
        wantsSlopes = slopes.Any(slope => slope is not null);
    }

    /// <summary>Computes the elements from a place up to another.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The one behind the last.</param>
    /// <param name="addends">After how many elements sums continue in double precision.</param>
    /// <returns>The sums of values and of what counts.</returns>
    public (double Values, double Counts) Run(long from, long to, int addends)
    {
        var width = Vector<T>.Count;
        Span<LaneNumber<T>> numbers = stackalloc LaneNumber<T>[2 * inputs.Length];
        var x = numbers[..inputs.Length];
        var s = wantsSlopes ? numbers[inputs.Length..] : [];
        var (sum, counts) = (0.0, 0.0);
        var at = from;
        while (at + width <= to)
        {
            var end = Math.Min(to, at + addends);
            var (lanes, counted) = (default(LaneNumber<T>), default(LaneNumber<T>));
            for (; at + width <= end; at += width)
            {
                for (var i = 0; i < x.Length; i++)
                    x[i] = new(inputs[i].Load(at));
                var value = formula.Evaluate<LaneNumber<T>>(x, s, out var count);
                lanes += value;
                counted += count;
                values?.Store(at, value.Lanes);
                for (var i = 0; i < s.Length; i++)
                    slopes[i]?.Store(at, s[i].Lanes);
            }
            sum += double.CreateTruncating(Vector.Sum(lanes.Lanes));
            counts += double.CreateTruncating(Vector.Sum(counted.Lanes));
        }
        if (at < to)
        {
            var (value, count) = Rest(at, (int)(to - at), x, s);
            (sum, counts) = (sum + value, counts + count);
        }
        return (sum, counts);
    }

    // Fewer elements than a register holds: the first of them stands in for what is missing.
    private (double Values, double Counts) Rest(long at, int length, Span<LaneNumber<T>> x, Span<LaneNumber<T>> s)
    {
        Span<T> lanes = stackalloc T[Vector<T>.Count];
        for (var i = 0; i < x.Length; i++)
        {
            lanes.Fill(inputs[i][at]);
            inputs[i][at, length].CopyTo(lanes);
            x[i] = new(new Vector<T>(lanes));
        }
        var value = formula.Evaluate<LaneNumber<T>>(x, s, out var count);
        var (sum, counts) = (0.0, 0.0);
        for (var i = 0; i < length; i++)
        {
            sum += double.CreateTruncating(value.Lanes[i]);
            counts += double.CreateTruncating(count.Lanes[i]);
            if (values is { } written)
                written[at + i] = value.Lanes[i];
            for (var k = 0; k < s.Length; k++)
                if (slopes[k] is { } slope)
                    slope[at + i] = s[k].Lanes[i];
        }
        return (sum, counts);
    }
}
