using MLNetLosses.Interop;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Two 3x3 convolutions beside a shortcut (ResNet-18 and 34, and the CIFAR ResNets).</summary>
internal sealed class BasicBlock : Block
{
    private readonly Convolution conv1;
    private readonly BatchNorm bn1;
    private readonly Convolution conv2;
    private readonly BatchNorm bn2;
    private readonly Layer? shortcut;

    /// <param name="init">Draws the first values.</param>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="stride">Of the first convolution and of the shortcut.</param>
    /// <param name="padded">Where the shape changes, a shortcut without parameters (<see cref="PaddedShortcut"/>) instead of a convolution.</param>
    public BasicBlock(Initialization init, int inputs, int outputs, int stride, bool padded)
    {
        conv1 = Add("conv1", new Convolution(init, inputs, outputs, 3, stride));
        bn1 = Add("bn1", new BatchNorm(conv1));
        conv2 = Add("conv2", new Convolution(init, outputs, outputs, 3));
        bn2 = Add("bn2", new BatchNorm(conv2));
        if (stride == 1 && inputs == outputs)
            return;
        shortcut = padded
            ? Add("shortcut", new PaddedShortcut(outputs - inputs))
            : Add("downsample", Shortcut(init, inputs, outputs, stride));
    }

    /// <summary>The convolution 1x1 with batch normalisation that matches the shapes (He et al., option B).</summary>
    public static Chain Shortcut(Initialization init, int inputs, int outputs, int stride)
    {
        var convolution = new Convolution(init, inputs, outputs, 1, stride);
        return new(convolution, new BatchNorm(convolution));
    }

    protected override Tensor Compute(Tensor x)
    {
        var y = bn1.call(conv1.call(x)).relu_();
        y = bn2.call(conv2.call(y));
        return y.add_(shortcut?.call(x) ?? x, Scalars.One).relu_();
    }
}
