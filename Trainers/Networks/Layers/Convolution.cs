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
        IsPlain3x3 && WinogradConvolution.Suits(maps, weight)
            ? WinogradConvolution.Of(maps, weight, bias)
            : [.. maps.Select(map => One(map, weight, bias))];

    private bool IsPlain3x3 => kernel == 3 && groups == 1 && strides[0] == 1 && dilations[0] == 1 && paddings[0] == 1;

    /// <summary>Of a map that is first doubled in size by its nearest pixel and joined with a map of that size, which gives the last input channels.</summary>
    public Tensor ComputeDoubled(Tensor map, Tensor? beside)
    {
        using var scope = NewDisposeScope();
        if (IsPlain3x3 && DoubledConvolution.Suits(map, weight))
        {
            if (beside is null)
                return scope.MoveToOuter(DoubledConvolution.Of(map, weight, bias));
            var parts = weight.split([map.shape[1], beside.shape[1]], 1);
            return scope.MoveToOuter(DoubledConvolution.Of(map, parts[0], bias).add_(One(beside, parts[1], null)));
        }
        var larger = Resample.Nearest(map, 2 * map.shape[2], 2 * map.shape[3]);
        return scope.MoveToOuter(forward(beside is null ? larger : cat([larger, beside], 1)));
    }

    private Tensor One(Tensor x, Tensor weight, Tensor? bias)
    {
        if (dilations[0] == 1 || x.device_type != TorchSharp.DeviceType.CPU)
            return OfAnyOrder(x, weight, bias);
        // Where the channels of a pixel lie beside one another, libtorch 2.10 computes wrong numbers with dilation, on some processors only.
        using var planes = x.contiguous();
        return OfAnyOrder(planes, weight, bias);
    }

    private Tensor OfAnyOrder(Tensor x, Tensor weight, Tensor? bias)
    {
        if (kernel > 1 && groups == 1 && x.device_type == TorchSharp.DeviceType.CPU && x.shape[0] > 1)
        {
            var inputs = weight.shape[1];
            var (missingInputs, missingOutputs) = (inputs > Block ? Missing(inputs) : 0, Missing(Outputs));
            if (missingInputs + missingOutputs > 0)
                return InFullBlocks(x, weight, bias, missingInputs, missingOutputs);
        }
        if (!SkipsPixels)
            return nn.functional.conv2d(x, weight, bias, strides, paddings, dilations, groups);
        using var scope = NewDisposeScope();
        var seen = x.slice(2, 0, x.shape[2], strides[0]).slice(3, 0, x.shape[3], strides[1]);
        return scope.MoveToOuter(nn.functional.conv2d(seen, weight, bias, [1, 1], paddings, null, groups));
    }

    private Tensor InFullBlocks(Tensor x, Tensor weight, Tensor? bias, long missingInputs, long missingOutputs)
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

    private static long Missing(long channels) => (Block - channels % Block) % Block;

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
