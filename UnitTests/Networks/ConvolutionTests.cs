using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>Convolutions of any number of channels compute in single precision what they compute in double precision.</summary>
[TestClass]
public sealed class ConvolutionTests
{
    [TestMethod]
    [DataRow(16, 16, 3, 1, 1)]
    [DataRow(24, 16, 3, 1, 1)]
    [DataRow(40, 80, 3, 1, 1)]
    [DataRow(20, 20, 3, 2, 1)]
    [DataRow(3, 24, 3, 2, 1)]
    [DataRow(3, 7, 7, 2, 1)]
    [DataRow(1, 1, 3, 1, 1)]
    [DataRow(32, 11, 3, 1, 1)]
    [DataRow(64, 36, 3, 1, 1)]
    [DataRow(24, 24, 3, 1, 24)]
    [DataRow(24, 24, 3, 2, 24)]
    [DataRow(24, 48, 1, 1, 1)]
    [DataRow(40, 24, 1, 1, 1)]
    [DataRow(16, 11, 1, 1, 1)]
    [DataRow(24, 40, 1, 2, 1)]
    public void OutputAndGradientsAreRight(int inputs, int outputs, int kernel, int stride, int groups)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        using var init = NetworkShape.InitializationOf(Backbone.ResNet18, 1);
        using var layer = new Convolution(init, inputs, outputs, kernel, stride, groups, bias: true);
        var x = randn([4, inputs, 12, 12], generator: generator);
        var single = Run(layer, x);
        layer.to(ScalarType.Float64);
        var exact = Run(layer, x.to(ScalarType.Float64));
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
