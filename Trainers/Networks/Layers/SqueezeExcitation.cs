using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Scales each channel by a gate computed from the means of all channels (Hu et al. 2018).</summary>
internal sealed class SqueezeExcitation : Block
{
    private readonly Convolution fc1;
    private readonly Convolution fc2;
    private readonly Function activation;
    private readonly Func<Tensor, Tensor> gate;

    public SqueezeExcitation(Initialization init, int channels, int squeezed, Function activation, Func<Tensor, Tensor> gate)
    {
        (this.activation, this.gate) = (activation, gate);
        fc1 = Add("fc1", new Convolution(init, channels, squeezed, 1, bias: true));
        fc2 = Add("fc2", new Convolution(init, squeezed, channels, 1, bias: true));
    }

    protected override Tensor Compute(Tensor x) => x * gate(fc2.call(activation.call(fc1.call(x.mean([2, 3], keepdim: true)))));
}
