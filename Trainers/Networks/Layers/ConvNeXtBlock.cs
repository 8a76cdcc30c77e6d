using MLNetLosses.Interop;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>ConvNeXt's block: depthwise 7x7, layer norm, dense to four times the channels, GELU, dense back, a learned scale, the input added.</summary>
internal sealed class ConvNeXtBlock : Block
{
    private readonly Chain block;
    private readonly StochasticDepth depth;

    // TorchSharp's to(device) replaces fields of the registered names.
    private Parameter layer_scale;

    public ConvNeXtBlock(Initialization init, int channels, StochasticDepth depth)
    {
        const double firstScale = 1e-6;
        this.depth = depth;
        block = Add(
            "block",
            new Chain(
                new Convolution(init, channels, channels, 7, groups: channels, bias: true),
                new Function(x => x.permute(0, 2, 3, 1)),
                new LayerNorm(channels, channelsFirst: false),
                new Dense(init, channels, 4 * channels),
                Function.GELU(),
                new Dense(init, 4 * channels, channels),
                new Function(x => x.permute(0, 3, 1, 2))
            )
        );
        layer_scale = AddParameter("layer_scale", full([channels, 1, 1], firstScale, ScalarType.Float32, CPU));
    }

    protected override Tensor Compute(Tensor x) => depth.Apply(block.call(x) * layer_scale, training).add_(x, Scalars.One);
}
