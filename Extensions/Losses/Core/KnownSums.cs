using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>How sums are made of inputs, gradients along with them.</summary>
internal interface ISumWork
{
    /// <summary>The sums of each image, and their gradients by each input where they are wanted; null where they cannot be made.</summary>
    MadeSums? Compute(IReadOnlyList<Tensor> inputs);

    /// <summary>The sums on the graph of the inputs.</summary>
    Tensor OnGraph(IReadOnlyList<Tensor> inputs);
}

/// <param name="Values">[N].</param>
/// <param name="Weights">[N].</param>
/// <param name="Gradients">As many as inputs, null where none is wanted.</param>
internal sealed record MadeSums(Tensor Values, Tensor Weights, Tensor?[] Gradients);

/// <summary>
/// Sums over the pixels of each image, put on the graph with the gradients that were made with them. The first backward pass scales these in place and gives them
/// away, so that no second tensor of the inputs' size is needed; another pass makes them again.
/// </summary>
internal sealed class KnownSums : autograd.SingleTensorFunction<KnownSums>
{
    public override string Name => nameof(KnownSums);

    /// <summary>The sums as terms; null where the work gives none.</summary>
    /// <param name="work">What makes the sums.</param>
    /// <param name="inputs">Its inputs, [N, ...].</param>
    /// <param name="imageAxis">The axis of images of an input.</param>
    public static LossTerms? Of(ISumWork work, Tensor[] inputs, Func<Tensor, int> imageAxis)
    {
        if (work.Compute(inputs) is not { } made)
            return null;
        var sums = made.Values;
        int[] differentiated = [.. Enumerable.Range(0, inputs.Length).Where(i => made.Gradients[i] is not null)];
        if (differentiated.Length > 0)
        {
            var (store, end) = KeptTensors.Of(inputs[differentiated[0]], differentiated.Select(i => made.Gradients[i]!));
            var roots = differentiated.Select(i => ClassScores.Viewed(inputs[i]));
            sums = apply([new Saved(work, store, differentiated, imageAxis), inputs, sums, end, .. roots]);
        }
        return new(sums, made.Weights) { Weighted = true };
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_for_backward([.. (Tensor[])vars[1]]);
        ctx.save_data(nameof(Saved), vars[0]);
        return ((Tensor)vars[2]).clone();
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = (Saved)ctx.get_data(nameof(Saved));
        Tensor?[] gradients;
        if (is_grad_enabled())
        {
            // They will themselves be differentiated.
            var inputs = ctx.get_saved_variables();
            gradients = autograd
                .grad(
                    [saved.Work.OnGraph(inputs)],
                    [.. saved.Differentiated.Select(i => inputs[i])],
                    [grad_output],
                    retain_graph: true,
                    create_graph: true
                )
                .ToArray();
        }
        else
        {
            gradients = saved.Store.Take() ?? saved.Again(ctx.get_saved_variables());
            foreach (var gradient in gradients)
                gradient!.mul_(AlongImages(grad_output, gradient, saved.ImageAxis(gradient)));
        }
        Tensor?[] returned = [KeptTensors.NoGradient(), .. gradients];
        foreach (var gradient in returned)
            gradient?.MoveToOuterDisposeScope();
        ReturnedGradient.Keep(returned);
        FinalBackward.Free(ctx);
        return [null!, null!, null!, .. returned.Select(gradient => gradient!)];
    }

    // Numbers [N], shaped so that they broadcast to an input.
    private static Tensor AlongImages(Tensor numbers, Tensor input, int axis)
    {
        var shape = input.shape.Select(_ => 1L).ToArray();
        shape[axis] = numbers.shape[0];
        return numbers.reshape(shape);
    }

    private sealed record Saved(ISumWork Work, KeptTensors Store, int[] Differentiated, Func<Tensor, int> ImageAxis)
    {
        /// <summary>The gradients alone, where they were made before.</summary>
        public Tensor?[] Again(IReadOnlyList<Tensor> inputs)
        {
            using var graph = enable_grad();
            var made = Work.Compute(inputs)!;
            return [.. Differentiated.Select(i => made.Gradients[i])];
        }
    }
}
