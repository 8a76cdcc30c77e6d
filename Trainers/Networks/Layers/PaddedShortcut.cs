using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Every second pixel, and channels of zeros, half of them before and half after (He et al., option A).</summary>
internal sealed class PaddedShortcut(int channels) : Block
{
    protected override Tensor Compute(Tensor x)
    {
        var half = x.slice(2, 0, x.shape[2], 2).slice(3, 0, x.shape[3], 2);
        return nn.functional.pad(half, [0, 0, 0, 0, channels / 2, channels - (channels / 2)]);
    }
}
