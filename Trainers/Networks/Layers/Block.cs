using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A layer made of several steps; what lies between them is disposed when it ends.</summary>
internal abstract class Block : Layer
{
    public sealed override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Compute(x));
    }

    protected abstract Tensor Compute(Tensor x);
}
