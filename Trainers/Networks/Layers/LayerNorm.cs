using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Normalises the channels of each place: the last dimension, or of [N, C, H, W] the second.</summary>
internal sealed class LayerNorm : Layer
{
    private const double Eps = 1e-6;
    private readonly long[] channels;
    private readonly bool channelsFirst;

    // TorchSharp's to(device) replaces fields of the registered names.
    private Parameter weight;
    private Parameter bias;

    public LayerNorm(int channels, bool channelsFirst)
    {
        (this.channels, this.channelsFirst) = ([channels], channelsFirst);
        weight = AddParameter("weight", ones(this.channels, ScalarType.Float32, CPU));
        bias = AddParameter("bias", zeros(this.channels, ScalarType.Float32, CPU));
    }

    public override Tensor forward(Tensor x)
    {
        if (!channelsFirst)
            return nn.functional.layer_norm(x, channels, weight, bias, Eps);
        using var scope = NewDisposeScope();
        var normalized = nn.functional.layer_norm(x.permute(0, 2, 3, 1), channels, weight, bias, Eps);
        return scope.MoveToOuter(normalized.permute(0, 3, 1, 2));
    }
}
