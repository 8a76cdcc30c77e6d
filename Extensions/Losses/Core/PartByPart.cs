using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A function of independent parts of a tensor, made part by part, and again for the gradient: only one part's graph is held at a time. The price is a second
/// forward pass; it is for formulas that hold many tensors of their input's size.
/// </summary>
internal sealed class PartByPart : autograd.SingleTensorFunction<PartByPart>
{
    /// <summary>Makes [n, ...] of each part [n, ...] of x and puts the results together along axis 0.</summary>
    /// <param name="x">[N, ...].</param>
    /// <param name="length">n, the length of a part; the last may be shorter.</param>
    /// <param name="work">From parts of x and of the others to results. Called again in the backward pass, where it must not throw.</param>
    /// <param name="others">Tensors without gradient, [N, ...], of which each part needs its own.</param>
    public static Tensor Of(Tensor x, long length, Func<Tensor, Tensor[], Tensor> work, params Tensor[] others) =>
        x.shape[0] <= length ? work(x, others) : apply([x, length, work, .. others]);

    /// <summary>How many rows make a part that is worth the overhead: a megabyte or so of single precision.</summary>
    public static long Length(Tensor x) => Math.Max(1, (1 << 18) * x.shape[0] / Math.Max(1, x.numel()));

    public override string Name => nameof(PartByPart);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, length, work) = ((Tensor)vars[0], (long)vars[1], (Func<Tensor, Tensor[], Tensor>)vars[2]);
        Tensor[] others = [.. vars.Skip(3).Cast<Tensor>()];
        ctx.save_for_backward([x, .. others]);
        ctx.save_data(nameof(length), length);
        ctx.save_data(nameof(work), work);
        var results = new List<Tensor>();
        for (var from = 0L; from < x.shape[0]; from += length)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(length, x.shape[0] - from);
            results.Add(work(x.narrow(0, from, rows), Part(others, from, rows)).MoveToOuterDisposeScope());
        }
        return cat(results);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (x, others) = (saved[0], saved.Skip(1).ToArray());
        var (length, work) = ((long)ctx.get_data("length"), (Func<Tensor, Tensor[], Tensor>)ctx.get_data("work"));
        var gradient = is_grad_enabled() // then it will itself be differentiated
            ? autograd.grad([work(x, others)], [x], [grad_output], retain_graph: true, create_graph: true)[0]
            : ByParts(x, length, work, others, grad_output);
        FinalBackward.Free(ctx);
        return [ReturnedGradient.Keep(gradient.MoveToOuterDisposeScope()), .. Enumerable.Repeat<Tensor>(null!, 2 + others.Length)];
    }

    private static Tensor ByParts(Tensor x, long length, Func<Tensor, Tensor[], Tensor> work, Tensor[] others, Tensor outer)
    {
        var gradient = empty_like(x);
        for (var from = 0L; from < x.shape[0]; from += length)
        {
            using var part = NewDisposeScope();
            using var graph = enable_grad();
            var rows = Math.Min(length, x.shape[0] - from);
            var leaf = x.narrow(0, from, rows).detach().requires_grad_();
            work(leaf, Part(others, from, rows)).backward([outer.narrow(0, from, rows)]);
            using var plain = no_grad();
            gradient.narrow(0, from, rows).copy_(leaf.grad!);
        }
        return gradient;
    }

    private static Tensor[] Part(Tensor[] tensors, long from, long rows) => [.. tensors.Select(t => t.narrow(0, from, rows))];
}
