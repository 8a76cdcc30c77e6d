using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A square convolution over [N, C, H, W] with half the kernel as padding unless said otherwise.</summary>
internal sealed class Convolution : Layer
{
    private readonly long[] strides;
    private readonly long[] paddings;
    private readonly long groups;

    // The gradient of a strided 1x1 convolution to 1024 or more channels divides by zero in libtorch 2.10 (oneDNN, AVX-512) and ends the
    // process. Taking the pixels that it looks at first gives the same numbers.
    private readonly bool skipsPixels;

    // TorchSharp's to(device) replaces fields of the registered names.
    private Parameter weight;
    private Parameter? bias;

    public Convolution(
        Initialization init,
        int inputs,
        int outputs,
        int kernel,
        int stride = 1,
        int groups = 1,
        bool bias = false,
        int? padding = null
    )
    {
        (Outputs, this.groups) = (outputs, groups);
        skipsPixels = kernel == 1 && stride > 1;
        (strides, paddings) = ([stride, stride], [padding ?? kernel / 2, padding ?? kernel / 2]);
        var (values, offset) = init.Convolution(outputs, inputs / groups, kernel, bias);
        weight = AddParameter("weight", values);
        this.bias = offset is null ? null : AddParameter("bias", offset);
    }

    public int Outputs { get; }

    public override Tensor forward(Tensor x)
    {
        if (!skipsPixels)
            return nn.functional.conv2d(x, weight, bias, strides, paddings, null, groups);
        using var scope = NewDisposeScope();
        var seen = x.slice(2, 0, x.shape[2], strides[0]).slice(3, 0, x.shape[3], strides[1]);
        return scope.MoveToOuter(nn.functional.conv2d(seen, weight, bias, [1, 1], paddings, null, groups));
    }

    /// <summary>Makes this layer give <c>scale * output + shift</c>, a scale and a shift [out] per channel.</summary>
    public void Rescale(Tensor scale, Tensor shift)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        weight.mul_(scale.view(-1, 1, 1, 1));
        if (bias is null)
            bias = AddParameter("bias", shift.clone());
        else
            bias.mul_(scale).add_(shift);
    }
}
