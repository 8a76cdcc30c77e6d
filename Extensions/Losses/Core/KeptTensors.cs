using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Tensors that live as long as a graph, or until they are taken from it. What a function saves by itself cannot be given up early.</summary>
internal sealed class KeptTensors : autograd.SingleTensorFunction<KeptTensors>
{
    private autograd.AutogradContext? context;

    public override string Name => nameof(KeptTensors);

    /// <summary>What the function that takes gives as the gradient of the store's end.</summary>
    public static Tensor NoGradient() => zeros(1, ScalarType.Float32);

    /// <summary>Puts tensors on a graph.</summary>
    /// <param name="root">A tensor of the graph that requires a gradient; it gets none from here.</param>
    /// <param name="tensors">Of them only shells of the same memory are kept.</param>
    /// <returns>The store, and its end of the graph: to be an input of the function that takes.</returns>
    public static (KeptTensors Store, Tensor End) Of(Tensor root, IEnumerable<Tensor> tensors)
    {
        var store = new KeptTensors();
        return (store, apply([store, root, .. tensors.Select(Shell)]));
    }

    /// <summary>The tensors, of which the graph then holds none; null when they are gone.</summary>
    public Tensor[]? Take()
    {
        if (context is null)
            return null;
        var kept = context.get_saved_variables();
        context = null;
        Tensor[] taken = [.. kept.Select(Shell)];
        foreach (var tensor in kept)
            tensor.set_(empty(0, tensor.dtype));
        return taken;
    }

    // The same memory with a count of changes of its own: the owner may go on to write there.
    private static Tensor Shell(Tensor tensor) => empty(0, tensor.dtype).set_(tensor);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ((KeptTensors)vars[0]).context = ctx;
        ctx.save_for_backward([.. vars.Skip(2).Cast<Tensor>()]);
        ctx.save_data("inputs", vars.Length);
        return NoGradient();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        [.. Enumerable.Repeat<Tensor>(null!, (int)ctx.get_data("inputs"))];
}
