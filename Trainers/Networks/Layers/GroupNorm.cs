using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Normalises each image in groups of channels (Wu and He 2018): independent of the batch.</summary>
internal sealed class GroupNorm : Layer
{
    private const double Eps = 1e-5;
    private readonly long groups;

    // TorchSharp's to(device) replaces fields of the registered names.
    private Parameter weight;
    private Parameter bias;

    public GroupNorm(int groups, int channels)
    {
        this.groups = groups;
        weight = AddParameter("weight", ones([channels], ScalarType.Float32, CPU));
        bias = AddParameter("bias", zeros([channels], ScalarType.Float32, CPU));
    }

    public override Tensor forward(Tensor x) => nn.functional.group_norm(x, groups, weight, bias, Eps);
}
