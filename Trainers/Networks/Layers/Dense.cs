using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A fully connected layer: [..., in] to [..., out].</summary>
internal sealed class Dense : Layer
{
    // TorchSharp's to(device) replaces fields of the registered names.
    private Parameter weight;
    private Parameter bias;

    public Dense(Initialization init, int inputs, int outputs)
    {
        Outputs = outputs;
        var (values, offset) = init.Dense(outputs, inputs);
        weight = AddParameter("weight", values);
        bias = AddParameter("bias", offset);
    }

    public int Outputs { get; }

    public override Tensor forward(Tensor x) => nn.functional.linear(x, weight, bias);
}
