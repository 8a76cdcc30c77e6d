using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>Convolving a map as if it were twice its size, in single precision, gives what doubling and convolving it give in double precision.</summary>
[TestClass]
public sealed class DoubledConvolutionTests
{
    private static readonly (int Images, int Inputs, int Beside, int Outputs, int Height, int Width)[] Shapes =
    [
        (4, 32, 0, 16, 12, 20),
        (1, 32, 0, 16, 9, 8),
        (3, 16, 16, 32, 10, 7),
        (4, 64, 24, 32, 11, 13),
        (1, 64, 40, 48, 8, 8),
        (8, 128, 64, 64, 20, 24),
        (2, 48, 3, 16, 8, 9),
        (2, 256, 128, 128, 16, 16),
        (4, 20, 0, 16, 12, 12), // channels that do not fill oneDNN's blocks: the map is doubled
        (4, 32, 16, 24, 12, 12),
        (4, 32, 16, 16, 4, 5), // small: the map is doubled
    ];

    public static IEnumerable<object[]> Cases =>
        from s in Shapes
        from pixelsTogether in new[] { false, true }
        select new object[] { s.Images, s.Inputs, s.Beside, s.Outputs, s.Height, s.Width, pixelsTogether };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void OutputAndGradientsAreThoseOfTheDoubledMap(
        int images,
        int inputs,
        int beside,
        int outputs,
        int height,
        int width,
        bool together
    )
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        using var init = NetworkShape.InitializationOf(Backbone.ResNet18, 1);
        using var layer = new Convolution(init, inputs + beside, outputs, 3, bias: true);
        var map = randn([images, inputs, height, width], generator: generator);
        var other = beside == 0 ? null : randn([images, beside, 2 * height, 2 * width], generator: generator);
        var single = Run(layer, Arranged(map, together)!, Arranged(other, together), layer.ComputeDoubled);
        layer.to(ScalarType.Float64);
        var exact = Run(
            layer,
            map.to(ScalarType.Float64),
            other?.to(ScalarType.Float64),
            (x, y) =>
            {
                var larger = Resample.Nearest(x, 2 * x.shape[2], 2 * x.shape[3]);
                return layer.call(y is null ? larger : cat([larger, y], 1));
            }
        );
        Assert.HasCount(beside == 0 ? 4 : 5, exact);
        foreach (var (name, expected) in exact)
        {
            CollectionAssert.AreEqual(expected.shape, single[name].shape, name);
            var off = (single[name].to(ScalarType.Float64) - expected).abs().max() / expected.abs().max();
            Assert.IsLessThan(1e-4, off.item<double>(), name); // NaN is not less either
        }
    }

    [TestMethod]
    [DataRow(10, 12, true)]
    [DataRow(5, 6, false)]
    public void IsUsedWhereItIsWorthwhile(int height, int width, bool expected)
    {
        using var scope = NewDisposeScope();
        var weight = zeros(32, 64, 3, 3);
        Assert.AreEqual(expected, DoubledConvolution.Suits(zeros(1, 64, height, width), weight));
        Assert.IsFalse(DoubledConvolution.Suits(zeros(1, 20, height, width), weight));
        Assert.IsFalse(DoubledConvolution.Suits(zeros(1, 64, height, width, dtype: ScalarType.Float64), weight));
    }

    private static Tensor? Arranged(Tensor? map, bool pixelsTogether) => map is null || !pixelsTogether ? map : ChannelOrder.Last(map);

    private static Dictionary<string, Tensor> Run(Convolution layer, Tensor map, Tensor? beside, Func<Tensor, Tensor?, Tensor> compute)
    {
        var (x, y) = (map.detach().alias().requires_grad_(), beside?.detach().alias().requires_grad_());
        foreach (var parameter in layer.parameters())
            parameter.grad = null;
        var output = compute(x, y);
        (output.square() * (output + 1)).mean().backward();
        var results = new Dictionary<string, Tensor> { ["output"] = output.detach(), ["map"] = x.grad! };
        if (y is not null)
            results["beside"] = y.grad!;
        foreach (var (name, parameter) in layer.named_parameters())
            results[name] = parameter.grad!.clone();
        return results;
    }
}
