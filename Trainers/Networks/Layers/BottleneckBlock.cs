using MLNetLosses.Interop;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>1x1, 3x3 and 1x1 convolutions beside a shortcut, with four times the channels outside (ResNet-50; the stride is in the 3x3).</summary>
internal sealed class BottleneckBlock : Block
{
    public const int Expansion = 4;

    private readonly Convolution conv1;
    private readonly BatchNorm bn1;
    private readonly Convolution conv2;
    private readonly BatchNorm bn2;
    private readonly Convolution conv3;
    private readonly BatchNorm bn3;
    private readonly Chain? downsample;

    public BottleneckBlock(Initialization init, int inputs, int outputs, int stride)
    {
        var middle = outputs / Expansion;
        conv1 = Add("conv1", new Convolution(init, inputs, middle, 1));
        bn1 = Add("bn1", new BatchNorm(conv1));
        conv2 = Add("conv2", new Convolution(init, middle, middle, 3, stride));
        bn2 = Add("bn2", new BatchNorm(conv2));
        conv3 = Add("conv3", new Convolution(init, middle, outputs, 1));
        bn3 = Add("bn3", new BatchNorm(conv3));
        if (stride != 1 || inputs != outputs)
            downsample = Add("downsample", BasicBlock.Shortcut(init, inputs, outputs, stride));
    }

    protected override Tensor Compute(Tensor x)
    {
        var y = bn1.call(conv1.call(x)).relu_();
        y = bn2.call(conv2.call(y)).relu_();
        y = bn3.call(conv3.call(y));
        return y.add_(downsample?.call(x) ?? x, Scalars.One).relu_();
    }
}
