using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A layer without parameters.</summary>
internal sealed class Function(Func<Tensor, Tensor> compute) : Layer
{
    /// <summary>Nothing: holds the number of a layer that has no part here.</summary>
    public static Function Identity() => new(x => x);

    /// <summary>max(x, 0), in place.</summary>
    public static Function ReLU() => new(x => x.relu_());

    /// <summary>x * clamp(x + 3, 0, 6) / 6.</summary>
    public static Function HardSwish() => new(x => x.hardswish());

    /// <summary>x * sigmoid(x).</summary>
    public static Function SiLU() => new(x => x.silu());

    /// <summary>x * Phi(x), exactly.</summary>
    public static Function GELU() => new(x => x.gelu());

    /// <summary>The maximum, pooled 3x3 with stride 2.</summary>
    public static Function MaxPool() => new(x => nn.functional.max_pool2d(x, [3, 3], [2, 2], [1, 1]));

    public override Tensor forward(Tensor x) => compute(x);
}
