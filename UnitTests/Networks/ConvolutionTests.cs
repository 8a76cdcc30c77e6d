using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>Convolutions of any number of channels compute in single precision what they compute in double precision.</summary>
[TestClass]
public sealed class ConvolutionTests
{
    private static readonly (int Inputs, int Outputs, int Kernel, int Stride, int Groups, int Dilation)[] Shapes =
    [
        (16, 16, 3, 1, 1, 1),
        (24, 16, 3, 1, 1, 1),
        (40, 80, 3, 1, 1, 1),
        (20, 20, 3, 2, 1, 1),
        (3, 24, 3, 2, 1, 1),
        (3, 7, 7, 2, 1, 1),
        (1, 1, 3, 1, 1, 1),
        (32, 11, 3, 1, 1, 1),
        (64, 36, 3, 1, 1, 1),
        (24, 24, 3, 1, 24, 1),
        (24, 24, 3, 2, 24, 1),
        (24, 48, 1, 1, 1, 1),
        (40, 24, 1, 1, 1, 1),
        (16, 11, 1, 1, 1, 1),
        (24, 40, 1, 2, 1, 1),
        (32, 48, 3, 1, 1, 2),
        (24, 40, 3, 1, 1, 2),
        (32, 32, 3, 1, 32, 5),
    ];

    public static IEnumerable<object[]> Cases =>
        from shape in Shapes
        from pixelsTogether in new[] { false, true }
        select new object[] { shape.Inputs, shape.Outputs, shape.Kernel, shape.Stride, shape.Groups, shape.Dilation, pixelsTogether };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void OutputAndGradientsAreRight(int inputs, int outputs, int kernel, int stride, int groups, int dilation, bool pixelsTogether)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        using var init = NetworkShape.InitializationOf(Backbone.ResNet18, 1);
        using var layer = new Convolution(init, inputs, outputs, kernel, stride, groups, bias: true, dilation: dilation);
        var x = randn([4, inputs, 12, 12], generator: generator);
        var single = Run(layer, pixelsTogether ? ChannelOrder.Last(x) : x);
        layer.to(ScalarType.Float64);
        var exact = Run(layer, x.to(ScalarType.Float64));
        layer.to(ScalarType.Float32);
        layer.ArrangeForInference();
        using (inference_mode())
            single["output, arranged for inference"] = layer.call(pixelsTogether ? ChannelOrder.Last(x) : x);
        exact["output, arranged for inference"] = exact["output"];
        foreach (var (name, expected) in exact)
        {
            var off = (single[name].to(ScalarType.Float64) - expected).abs().max() / expected.abs().max();
            Assert.IsLessThan(1e-4, off.item<double>(), name); // NaN is not less either
        }
    }

    private static Dictionary<string, Tensor> Run(Convolution layer, Tensor x)
    {
        var input = x.detach().clone().requires_grad_();
        foreach (var parameter in layer.parameters())
            parameter.grad = null;
        var output = layer.call(input);
        (output.square() * (output + 1)).mean().backward();
        var results = new Dictionary<string, Tensor> { ["output"] = output.detach(), ["input"] = input.grad! };
        foreach (var (name, parameter) in layer.named_parameters())
            results[name] = parameter.grad!.detach().clone();
        return results;
    }
}
