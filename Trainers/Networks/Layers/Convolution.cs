using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A square convolution over [N, C, H, W] with half the kernel as padding unless said otherwise.</summary>
internal sealed class Convolution : Layer
{
    private readonly long[] strides;
    private readonly long[] paddings;
    private readonly long[] dilations;
    private readonly long groups;
    private readonly int kernel;

    // The gradient of a strided 1x1 convolution to 1024 or more channels divides by zero in libtorch 2.10 (oneDNN, AVX-512) and ends the
    // process. Taking the pixels that it looks at first gives the same numbers.
    private bool SkipsPixels => kernel == 1 && strides[0] > 1;

    // With batches of two images and more, libtorch 2.10 (oneDNN 3.7, float32) computes wrong numbers or NaN where it fills channels up to its
    // blocks of 16: the output from more than 16 inputs, the input's gradient from any number of outputs. Channels of zeros that fill the
    // blocks beforehand give the right ones. 1x1 and depthwise convolutions are not concerned.
    private const int Block = 16;
    private readonly int missingInputs;
    private readonly int missingOutputs;

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
        int? padding = null,
        int dilation = 1
    )
    {
        (Outputs, this.groups, this.kernel) = (outputs, groups, kernel);
        if (kernel > 1 && groups == 1)
            (missingInputs, missingOutputs) = (inputs > Block ? Missing(inputs) : 0, Missing(outputs));
        var sides = padding ?? kernel / 2 * dilation;
        (strides, paddings, dilations) = ([stride, stride], [sides, sides], [dilation, dilation]);
        var (values, offset) = init.Convolution(outputs, inputs / groups, kernel, bias);
        weight = AddParameter("weight", values);
        this.bias = offset is null ? null : AddParameter("bias", offset);
    }

    public int Outputs { get; }

    public override Tensor forward(Tensor x) => Compute([x])[0];

    /// <summary>Several maps, which need not be of one size; faster than one after the other.</summary>
    public IReadOnlyList<Tensor> Compute(IReadOnlyList<Tensor> maps) =>
        IsWinograd && WinogradConvolution.Suits(maps, weight) ? WinogradConvolution.Of(maps, weight, bias) : [.. maps.Select(One)];

    private bool IsWinograd => kernel == 3 && groups == 1 && strides[0] == 1 && dilations[0] == 1 && paddings[0] == 1;

    private Tensor One(Tensor x)
    {
        if (dilations[0] == 1 || x.device_type != TorchSharp.DeviceType.CPU)
            return OfAnyOrder(x);
        // Where the channels of a pixel lie beside one another, libtorch 2.10 computes wrong numbers with dilation, on some processors only.
        using var planes = x.contiguous();
        return OfAnyOrder(planes);
    }

    private Tensor OfAnyOrder(Tensor x)
    {
        if (missingInputs + missingOutputs > 0 && x.device_type == TorchSharp.DeviceType.CPU && x.shape[0] > 1)
            return InFullBlocks(x);
        if (!SkipsPixels)
            return nn.functional.conv2d(x, weight, bias, strides, paddings, dilations, groups);
        using var scope = NewDisposeScope();
        var seen = x.slice(2, 0, x.shape[2], strides[0]).slice(3, 0, x.shape[3], strides[1]);
        return scope.MoveToOuter(nn.functional.conv2d(seen, weight, bias, [1, 1], paddings, null, groups));
    }

    private Tensor InFullBlocks(Tensor x)
    {
        using var scope = NewDisposeScope();
        var input = missingInputs > 0 ? nn.functional.pad(x, [0, 0, 0, 0, 0, missingInputs]) : x;
        var filled = nn.functional.pad(weight, [0, 0, 0, 0, 0, missingInputs, 0, missingOutputs]);
        var offset = bias is null ? null : nn.functional.pad(bias, [0, missingOutputs]);
        var output = nn.functional.conv2d(input, filled, offset, strides, paddings, dilations);
        return scope.MoveToOuter(missingOutputs > 0 ? output.narrow(1, 0, Outputs).contiguous() : output);
    }

    /// <summary>Makes it look at every pixel, and at neighbours that are so many pixels apart.</summary>
    public void Dilate(int distance)
    {
        Array.Fill(strides, 1);
        Array.Fill(dilations, distance);
        Array.Fill(paddings, kernel / 2 * distance);
    }

    /// <summary>
    /// Lays the weights as they are wanted beside maps whose channels of a pixel lie beside one another, so that it need not be done for every batch. For networks that no
    /// longer learn: while one learns, gradients come in the other order.
    /// </summary>
    public void ArrangeForInference()
    {
        if (kernel == 1 || groups > 1 || dilations[0] > 1)
            return;
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        weight.set_(ChannelOrder.Last(weight));
    }

    private static int Missing(int channels) => (Block - channels % Block) % Block;

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
