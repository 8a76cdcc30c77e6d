using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Values [N] of pairs of boxes [N, 4] and their derivatives [N, 4], off the graph: null where nobody asks for them.</summary>
internal readonly record struct OverlapValues(Tensor Values, Tensor? ByPredicted, Tensor? ByTarget)
{
    private const int RunLength = 1 << 14;

    /// <summary>The values of boxes, and the derivatives by those that want a gradient.</summary>
    public static OverlapValues Of(OverlapFormula formula, Tensor predicted, Tensor target)
    {
        var (byPredicted, byTarget) = (KnownGradient.IsWanted(predicted), KnownGradient.IsWanted(target));
        var (p, t) = (predicted.detach(), target.detach());
        return p.device_type != DeviceType.CPU ? ByTensors(formula, p, t, byPredicted, byTarget)
            : p.dtype == ScalarType.Float64 ? ByLoop<double>(formula, p, t, byPredicted, byTarget)
            : ByLoop<float>(formula, p, t, byPredicted, byTarget);
    }

    /// <summary>By tensor operations, on any device.</summary>
    internal static OverlapValues ByTensors(OverlapFormula formula, Tensor predicted, Tensor target, bool wantsPredicted, bool wantsTarget)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var byPredicted = new TensorNumber[wantsPredicted ? 4 : 0];
        var byTarget = new TensorNumber[wantsTarget ? 4 : 0];
        var values = formula.Evaluate(Columns(predicted), Columns(target), byPredicted.AsSpan(), byTarget.AsSpan()).Values;
        return new(values.MoveToOuterDisposeScope(), Rows(byPredicted), Rows(byTarget));

        // Contiguous, so that every operation runs over neighbouring numbers.
        static ReadOnlySpan<TensorNumber> Columns(Tensor boxes) =>
            boxes.t().contiguous().unbind(0).Select(column => new TensorNumber(column)).ToArray();

        static Tensor? Rows(TensorNumber[] columns) =>
            columns.Length == 0 ? null : stack(columns.Select(column => column.Values), 1).MoveToOuterDisposeScope();
    }

    private static OverlapValues ByLoop<T>(OverlapFormula formula, Tensor predicted, Tensor target, bool wantsPredicted, bool wantsTarget)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (predicted, target) = (predicted.contiguous(), target.contiguous());
        var pairs = predicted.shape[0];
        var values = empty(pairs, dtype: predicted.dtype);
        var byPredicted = wantsPredicted ? empty_like(predicted) : null;
        var byTarget = wantsTarget ? empty_like(target) : null;
        var (p, t, results) = (new TensorMemory<T>(predicted), new TensorMemory<T>(target), new TensorMemory<T>(values));
        var slopes = byPredicted is null ? default : new TensorMemory<T>(byPredicted);
        var targetSlopes = byTarget is null ? default : new TensorMemory<T>(byTarget);
        CpuWork.For(
            (int)((pairs + RunLength - 1) / RunLength),
            run =>
            {
                var width = Vector<T>.Count;
                Span<LaneNumber<T>> numbers = stackalloc LaneNumber<T>[16];
                var box = numbers[..4];
                var other = numbers[4..8];
                var toBox = numbers.Slice(8, wantsPredicted ? 4 : 0);
                var toOther = numbers.Slice(12, wantsTarget ? 4 : 0);
                Span<T> lanes = stackalloc T[width];
                var end = Math.Min(pairs, (run + 1L) * RunLength);
                for (var i = (long)run * RunLength; i < end; i += width)
                {
                    var count = (int)Math.Min(width, end - i);
                    Read(p[4 * i, 4 * count], box);
                    Read(t[4 * i, 4 * count], other);
                    formula.Evaluate<LaneNumber<T>>(box, other, toBox, toOther).Lanes.CopyTo(lanes);
                    lanes[..count].CopyTo(results[i, count]);
                    if (wantsPredicted)
                        Write(toBox, slopes[4 * i, 4 * count]);
                    if (wantsTarget)
                        Write(toOther, targetSlopes[4 * i, 4 * count]);
                }
            }
        );
        GC.KeepAlive(predicted);
        GC.KeepAlive(target);
        return new(values, byPredicted, byTarget);
    }

    // From rows of four coordinates to a register a coordinate; lanes beyond the last row keep what they hold.
    private static void Read<T>(ReadOnlySpan<T> rows, Span<LaneNumber<T>> to)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var lanes = MemoryMarshal.Cast<LaneNumber<T>, T>(to);
        for (var (i, at) = (0, 0); at < rows.Length; i++, at += 4)
        for (var k = 0; k < 4; k++)
            lanes[k * Vector<T>.Count + i] = rows[at + k];
    }

    private static void Write<T>(ReadOnlySpan<LaneNumber<T>> from, Span<T> rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var lanes = MemoryMarshal.Cast<LaneNumber<T>, T>(from);
        for (var (i, at) = (0, 0); at < rows.Length; i++, at += 4)
        for (var k = 0; k < 4; k++)
            rows[at + k] = lanes[k * Vector<T>.Count + i];
    }
}
