using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

public abstract partial class BackboneNetwork
{
    /// <summary>
    /// A copy for inference: batch normalisation is folded into the convolutions before it, so that the same logits (to rounding) need fewer
    /// passes over memory. The copy is in evaluation mode, takes no gradients, and cannot be trained or saved.
    /// </summary>
    public BackboneNetwork InferenceCopy()
    {
        var copy = Copy();
        copy.eval();
        foreach (var module in copy.modules())
            (module as BatchNorm)?.Fold();
        foreach (var parameter in copy.parameters())
            parameter.requires_grad = false;
        copy.folded = true;
        return copy;
    }

    /// <summary>A copy with its own parameters of the same values, on the same device, in the same mode.</summary>
    public BackboneNetwork Copy()
    {
        ThrowIfFolded("be copied");
        using var scope = NewDisposeScope();
        using var init = Initialization.None();
        var copy = NetworkShape.Build(new(Backbone, head?.Outputs ?? 1, InputChannels, Randomness.initial_seed(), init));
        if (head is null)
            copy.RemoveHead();
        copy.to(parameters().First().device);
        using (no_grad())
        {
            var values = state_dict();
            foreach (var (name, tensor) in copy.state_dict())
                tensor.copy_(values[name]);
        }
        copy.Randomness.set_state(Randomness.get_state());
        copy.Freeze(FrozenGroups);
        copy.train(training);
        return copy;
    }
}
