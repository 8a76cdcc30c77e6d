using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// |x - y| of every pair of float32 rows by a matrix product of their float64 numbers, which has more digits than are needed: 2 - 2 cos in single precision
/// would lose half the digits of small distances. Distance 0 has gradient 0. The gradient is two more products instead of the chain of operations.
/// </summary>
internal sealed class ProductLengths : autograd.SingleTensorFunction<ProductLengths>
{
    /// <summary>The lengths, [N, M].</summary>
    /// <param name="anchors">[N, D].</param>
    /// <param name="partners">[M, D]; may be the same tensor.</param>
    public static Tensor Of(Tensor anchors, Tensor partners) =>
        ReferenceEquals(anchors, partners) ? apply(anchors) : apply(anchors, partners);

    public override string Name => nameof(ProductLengths);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Tensor[] rows = [.. vars.Cast<Tensor>()];
        var lengths = ByTensors(rows[0].detach(), rows[^1].detach());
        ctx.save_for_backward([.. rows, lengths.detach()]);
        return lengths;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        Tensor[] rows = [.. saved.Take(saved.Count - 1)];
        if (is_grad_enabled())
            return [.. GradientsOnGraph(rows, grad_output).Select(gradient => gradient?.MoveToOuterDisposeScope()!)];
        // d|x - y|/dx = (x - y) / |x - y|: a sum of rows with these factors.
        var lengths = saved[^1];
        var equal = lengths.eq(0).to(lengths.dtype);
        var factors = (grad_output / (lengths + equal)).mul_(1 - equal);
        if (rows.Length == 1)
            return [Weighed(factors + factors.t(), rows[0], rows[0])];
        return
        [
            rows[0].requires_grad ? Weighed(factors, rows[0], rows[1]) : null!,
            rows[1].requires_grad ? Weighed(factors.t(), rows[1], rows[0]) : null!,
        ];
    }

    /// <summary>The gradients of those rows that want one, for a gradient that will itself be differentiated.</summary>
    internal static Tensor?[] GradientsOnGraph(Tensor[] rows, Tensor outer)
    {
        Tensor[] wanted = [.. rows.Where(row => row.requires_grad)];
        var gradients = autograd.grad([ByTensors(rows[0], rows[^1])], wanted, [outer], retain_graph: true, create_graph: true);
        return rows.Length == gradients.Count ? [.. gradients]
            : rows[0].requires_grad ? [gradients[0], null]
            : [null, gradients[0]];
    }

    // sum_j w_ij (x_i - y_j), in double precision: the difference of close rows has few digits in single.
    private static Tensor Weighed(Tensor factors, Tensor rows, Tensor others)
    {
        var (w, x, y) = (factors.to(ScalarType.Float64), rows.to(ScalarType.Float64), others.to(ScalarType.Float64));
        return (x * w.sum([1], keepdim: true)).addmm(w, y, beta: 1, alpha: -1).to(rows.dtype).MoveToOuterDisposeScope();
    }

    private static Tensor ByTensors(Tensor anchors, Tensor partners)
    {
        var x = anchors.to(ScalarType.Float64);
        var y = ReferenceEquals(anchors, partners) ? x : partners.to(ScalarType.Float64);
        var squares = x.square().sum([1], keepdim: true) + y.square().sum([1]);
        var between = addmm(squares, x, y.t(), beta: 1, alpha: -2);
        // By arithmetic, as in PairMask: choosing by a mask is slow on a CPU.
        var equal = between.detach().le(squares.detach() * 1e-14).to(x.dtype);
        var apart = 1 - equal;
        return (addcmul(equal, between, apart, 1).sqrt() * apart).to(anchors.dtype);
    }
}
