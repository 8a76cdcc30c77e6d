using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// |x - y| of every pair of rows on the CPU, from their differences, which keep all digits of small distances; of a batch with itself each pair is measured once.
/// Distance 0 has gradient 0.
/// </summary>
internal sealed class PairLengths : autograd.SingleTensorFunction<PairLengths>
{
    private const long RunNumbers = 1 << 21;

    // As many numbers of partners as stay in a core's first cache.
    private const int CachedNumbers = 1 << 12;

    // Rows are close where they are nearer than their length divided by this: a product then loses as many digits of their difference.
    private const double Closeness = 8;

    public override string Name => nameof(PairLengths);

    /// <summary>The lengths, [N, M].</summary>
    /// <param name="anchors">[N, D].</param>
    /// <param name="partners">[M, D]; may be the same tensor.</param>
    public static Tensor Of(Tensor anchors, Tensor partners) =>
        ReferenceEquals(anchors, partners) ? apply(anchors) : apply(anchors, partners);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        Tensor[] rows = [.. vars.Cast<Tensor>()];
        var x = rows[0].detach().contiguous();
        var y = rows.Length == 1 ? x : rows[1].detach().contiguous();
        var lengths = empty(x.shape[0], y.shape[0], dtype: x.dtype);
        if (x.dtype == ScalarType.Float64)
            Measure<double>(x, y, lengths);
        else
            Measure<float>(x, y, lengths);
        // Another name for the same numbers: a result that its own function saves would keep itself alive.
        ctx.save_for_backward([.. rows, lengths.detach().MoveToOuterDisposeScope()]);
        return lengths.MoveToOuterDisposeScope();
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        Tensor[] rows = [.. saved.Take(saved.Count - 1)];
        var gradients = is_grad_enabled()
            ? ProductLengths.GradientsOnGraph(rows, grad_output)
            : Differentiate(rows, saved[^1], grad_output);
        foreach (var gradient in gradients)
            gradient?.MoveToOuterDisposeScope();
        FinalBackward.Free(ctx);
        return [.. gradients.Select(gradient => gradient!)];
    }

    // d|x - y|/dx = (x - y) / |x - y|.
    private static Tensor?[] Differentiate(Tensor[] rows, Tensor lengths, Tensor outer)
    {
        if (rows.Length == 1)
            return [Pulled(outer + outer.t(), lengths, rows[0], rows[0])];
        return
        [
            rows[0].requires_grad ? Pulled(outer, lengths, rows[0], rows[1]) : null,
            rows[1].requires_grad ? Pulled(outer.t(), lengths.t(), rows[1], rows[0]) : null,
        ];
    }

    // sum_j g_ij (x_i - y_j) / length_ij: by a product, but pair by pair where rows are close, since the product would leave few digits of their difference.
    private static Tensor Pulled(Tensor outer, Tensor lengths, Tensor rows, Tensor others)
    {
        var (x, y) = (rows.detach().contiguous(), others.detach().contiguous());
        var (factors, apart, near) = (outer.contiguous().clone(), lengths.contiguous(), zeros_like(x));
        if (x.dtype == ScalarType.Float64)
            Divide<double>(factors, apart, x, y, near);
        else
            Divide<float>(factors, apart, x, y, near);
        return near.addcmul_(x, factors.sum([1], keepdim: true), 1).addmm_(factors, y, beta: 1, alpha: -1);
    }

    private static void Measure<T>(Tensor anchors, Tensor partners, Tensor lengths)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (n, m, size) = (anchors.shape[0], partners.shape[0], (int)anchors.shape[1]);
        var (x, y, result) = (new TensorMemory<T>(anchors), new TensorMemory<T>(partners), new TensorMemory<T>(lengths));
        var itself = ReferenceEquals(anchors, partners);
        var cached = Math.Max(4, CachedNumbers / Math.Max(1, size));
        ForRows(
            n,
            m * size,
            (from, to) =>
            {
                Span<T> four = stackalloc T[4];
                for (var block = itself ? from : 0; block < m; block += cached)
                for (var i = from; i < to; i++)
                {
                    var row = x[i * size, size];
                    var end = Math.Min(m, block + cached);
                    for (var j = itself ? Math.Max(block, i) : block; j < end; j += 4)
                    {
                        var count = (int)Math.Min(4, end - j);
                        Distances(row, y[j * size, count * size], four);
                        four[..count].CopyTo(result[i * m + j, count]);
                    }
                }
            }
        );
        if (itself)
            Mirror(result, n);
        GC.KeepAlive(anchors);
        GC.KeepAlive(partners);
    }

    // From above the diagonal to below it, in tiles: columns lie apart in memory.
    private static void Mirror<T>(TensorMemory<T> square, long n)
        where T : unmanaged
    {
        const int tile = 16;
        for (var top = 0L; top < n; top += tile)
        for (var left = top; left < n; left += tile)
        for (var i = top; i < Math.Min(n, top + tile); i++)
        for (var j = Math.Max(left, i + 1); j < Math.Min(n, left + tile); j++)
            square[j * n + i] = square[i * n + j];
    }

    // Of a row to up to four neighbouring ones.
    private static void Distances<T>(ReadOnlySpan<T> row, ReadOnlySpan<T> others, Span<T> result)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var size = row.Length;
        ReadOnlySpan<T> Other(ReadOnlySpan<T> all, int k) => all.Slice(Math.Min(k * size, all.Length - size), size);
        var a = Other(others, 0);
        var b = Other(others, 1);
        var c = Other(others, 2);
        var d = Other(others, 3);
        var x = Lanes(row);
        var va = Lanes(a);
        var vb = Lanes(b);
        var vc = Lanes(c);
        var vd = Lanes(d);
        var (sa, sb, sc, sd) = (Vector<T>.Zero, Vector<T>.Zero, Vector<T>.Zero, Vector<T>.Zero);
        for (var i = 0; i < x.Length; i++)
        {
            var lanes = x[i];
            var (da, db, dc, dd) = (lanes - va[i], lanes - vb[i], lanes - vc[i], lanes - vd[i]);
            (sa, sb, sc, sd) = (AddSquare(sa, da), AddSquare(sb, db), AddSquare(sc, dc), AddSquare(sd, dd));
        }
        var (ra, rb, rc, rd) = (Vector.Sum(sa), Vector.Sum(sb), Vector.Sum(sc), Vector.Sum(sd));
        for (var i = x.Length * Vector<T>.Count; i < size; i++)
        {
            var (da, db, dc, dd) = (row[i] - a[i], row[i] - b[i], row[i] - c[i], row[i] - d[i]);
            (ra, rb, rc, rd) = (ra + da * da, rb + db * db, rc + dc * dc, rd + dd * dd);
        }
        (result[0], result[1], result[2], result[3]) = (T.Sqrt(ra), T.Sqrt(rb), T.Sqrt(rc), T.Sqrt(rd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> AddSquare<T>(Vector<T> sum, Vector<T> x)
        where T : unmanaged =>
        typeof(T) == typeof(float)
            ? Vector.MultiplyAddEstimate(x.As<T, float>(), x.As<T, float>(), sum.As<T, float>()).As<float, T>()
            : Vector.MultiplyAddEstimate(x.As<T, double>(), x.As<T, double>(), sum.As<T, double>()).As<double, T>();

    private static ReadOnlySpan<Vector<T>> Lanes<T>(ReadOnlySpan<T> numbers)
        where T : unmanaged => MemoryMarshal.Cast<T, Vector<T>>(numbers);

    // Divides factors by lengths; those of close rows become 0 and their pull is added to the others.
    private static void Divide<T>(Tensor factors, Tensor lengths, Tensor rows, Tensor others, Tensor near)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (n, m, size) = (rows.shape[0], (int)others.shape[0], (int)rows.shape[1]);
        var (w, d, x, y, pulls) = (
            new TensorMemory<T>(factors),
            new TensorMemory<T>(lengths),
            new TensorMemory<T>(rows),
            new TensorMemory<T>(others),
            new TensorMemory<T>(near)
        );
        ForRows(
            n,
            m,
            (from, to) =>
            {
                for (var i = from; i < to; i++)
                {
                    var (row, first) = (i * size, i * m);
                    var close = T.Sqrt(TensorPrimitives.SumOfSquares<T>(x[row, size])) / T.CreateTruncating(Closeness);
                    var weights = w[first, m];
                    var apart = d[first, m];
                    for (var j = 0; j < m; j++)
                        if (apart[j] <= close)
                        {
                            if (apart[j] > T.Zero)
                                Pull(weights[j] / apart[j], x[row, size], y[(long)j * size, size], pulls[row, size]);
                            weights[j] = T.Zero;
                        }
                        else
                            weights[j] /= apart[j];
                }
            }
        );
        GC.KeepAlive(rows);
        GC.KeepAlive(others);
        GC.KeepAlive(lengths);
    }

    private static void Pull<T>(T factor, ReadOnlySpan<T> row, ReadOnlySpan<T> other, Span<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var lanes = MemoryMarshal.Cast<T, Vector<T>>(sum);
        var a = Lanes(row);
        var b = Lanes(other);
        for (var k = 0; k < lanes.Length; k++)
            lanes[k] += (a[k] - b[k]) * factor;
        for (var k = lanes.Length * Vector<T>.Count; k < sum.Length; k++)
            sum[k] += (row[k] - other[k]) * factor;
    }

    private static void ForRows(long rows, long numbersARow, Action<long, long> visit)
    {
        var length = Math.Max(1, RunNumbers / Math.Max(1, numbersARow));
        CpuWork.For((int)((rows + length - 1) / length), run => visit(run * length, Math.Min(rows, (run + 1) * length)));
    }
}
