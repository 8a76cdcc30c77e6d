using MLNetLosses.Interop;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>How MobileNetV3 and EfficientNet differ in the same block.</summary>
internal sealed record InvertedResidualStyle(
    double Eps,
    double Momentum,
    Func<Function> GateActivation,
    Func<Tensor, Tensor> Gate,
    Func<int, int, int> GateChannels
);

/// <summary>
/// A wide block between narrow ends (Sandler et al. 2018): 1x1 to <c>expanded</c> channels, depthwise kxk, gated channels
/// (squeeze-and-excitation), 1x1 back, and the input added where the shape allows.
/// </summary>
internal sealed class InvertedResidual : Block
{
    private readonly Chain block;
    private readonly bool residual;
    private readonly StochasticDepth? depth;

    public InvertedResidual(
        Initialization init,
        InvertedResidualStyle style,
        (int Inputs, int Expanded, int Outputs, int Kernel, int Stride) size,
        bool gated,
        Func<Function> activation,
        StochasticDepth? depth = null
    )
    {
        var (inputs, expanded, outputs, kernel, stride) = size;
        residual = stride == 1 && inputs == outputs;
        this.depth = residual ? depth : null;
        List<Layer> layers = [];
        if (expanded != inputs)
            layers.Add(Step(new Convolution(init, inputs, expanded, 1), style, activation()));
        layers.Add(Step(new Convolution(init, expanded, expanded, kernel, stride, groups: expanded), style, activation()));
        if (gated)
            layers.Add(new SqueezeExcitation(init, expanded, style.GateChannels(inputs, expanded), style.GateActivation(), style.Gate));
        layers.Add(Step(new Convolution(init, expanded, outputs, 1), style));
        block = Add("block", new Chain([.. layers]));
    }

    /// <summary>A convolution, its normalisation and its activation.</summary>
    public static Chain Step(Convolution convolution, InvertedResidualStyle style, Function? activation = null)
    {
        var norm = new BatchNorm(convolution, style.Eps, style.Momentum);
        return activation is null ? new(convolution, norm) : new(convolution, norm, activation);
    }

    protected override Tensor Compute(Tensor x)
    {
        var y = block.call(x);
        if (!residual)
            return y;
        return (depth is null ? y : depth.Apply(y, training)).add_(x, Scalars.One);
    }
}
