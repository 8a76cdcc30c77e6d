using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>The end of a ResNet's stem as one operation, in single precision, gives what its three operations give in double precision.</summary>
[TestClass]
public sealed class NormalizedPoolingTests
{
    [TestMethod]
    [DataRow(2, 64, 8, 12)]
    [DataRow(4, 64, 33, 47)]
    [DataRow(3, 128, 7, 5)]
    [DataRow(1, 64, 1, 9)]
    [DataRow(2, 64, 1, 1)]
    public void ValueGradientsAndStatisticsAreThoseOfTheThreeOperations(int images, int channels, int height, int width)
    {
        using var scope = NewDisposeScope();
        var x = Input(images, channels, height, width);
        var single = Run(Layer(channels), x, (norm, map) => norm.Pooled(map));
        var exact = Run(Layer(channels, ScalarType.Float64), x.to(ScalarType.Float64), (norm, map) => MaxPool(norm.call(map).relu()));
        foreach (var (name, expected) in exact)
        {
            CollectionAssert.AreEqual(expected.shape, single[name].shape, name);
            Assert.IsTrue(
                (single[name].to(ScalarType.Float64) - expected).abs().le(3e-5 * (1 + expected.abs().max())).all().item<bool>(),
                $"{name} is off by {(single[name] - expected).abs().max().to(ScalarType.Float64).item<double>()}"
            );
        }
    }

    [TestMethod]
    public void AStepHoldsFewMapsOfTheStemsSize()
    {
        foreach (var line in PeakMemory.Lines(Measure))
        {
            Console.WriteLine(line);
            Assert.IsLessThan(3.6, double.Parse(line, System.Globalization.CultureInfo.InvariantCulture), "maps of the stem's size");
        }
    }

    private static int Measure(string[] arguments)
    {
        PeakMemory.Prepare();
        Step(64); // code
        Console.WriteLine(FormattableString.Invariant($"{PeakMemory.Bytes(() => Step(512)) / (2 * 64 * 256 * 256 * 4):0.00}"));
        return 0;

        void Step(int side)
        {
            using var scope = NewDisposeScope();
            using var norm = Layer(64);
            using var init = NetworkShape.InitializationOf(Backbone.ResNet18, 1);
            using var convolution = new Convolution(init, 3, 64, 7, stride: 2);
            norm.Pooled(convolution.call(Input(2, 3, side, side))).sum().backward();
        }
    }

    [TestMethod]
    public void TheNumberOfThreadsChangesNothing()
    {
        using var scope = NewDisposeScope();
        var threads = get_num_threads();
        var x = Input(3, 64, 31, 29);
        try
        {
            set_num_threads(1);
            var one = Run(Layer(64), x, (norm, map) => norm.Pooled(map));
            set_num_threads(3);
            var several = Run(Layer(64), x, (norm, map) => norm.Pooled(map));
            foreach (var (name, value) in one)
                Assert.IsTrue(value.equal(several[name]).all().item<bool>(), name);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [TestMethod]
    public void ItCanBeDifferentiatedTwice()
    {
        using var scope = NewDisposeScope();
        var x = Input(2, 64, 6, 6);
        Assert.IsTrue(
            Second(Layer(64), x, (norm, map) => norm.Pooled(map))
                .allclose(Second(Layer(64), x, (norm, map) => MaxPool(norm.call(map).relu())), 1e-3, 1e-4)
        );

        static Tensor Second(BatchNorm norm, Tensor x, Func<BatchNorm, Tensor, Tensor> pooled)
        {
            var leaf = x.detach().requires_grad_();
            var first = autograd.grad([pooled(norm, leaf).square().sum()], [leaf], retain_graph: true, create_graph: true)[0];
            return autograd.grad([first.square().sum()], [leaf])[0];
        }
    }

    [TestMethod]
    public void WhatIsNoNumberStaysNone()
    {
        using var scope = NewDisposeScope();
        var x = Input(2, 64, 6, 6);
        x[0, 3, 2, 2] = float.NaN;
        x[1, 5, 0, 0] = float.PositiveInfinity;
        var result = Layer(64).Pooled(x).isnan().all(3).all(2).all(0);
        Assert.AreEqual(2, result.sum().item<long>());
        Assert.IsTrue(result[3].item<bool>() && result[5].item<bool>());
    }

    [TestMethod]
    public void OtherMapsTakeTheThreeOperations()
    {
        using var scope = NewDisposeScope();
        foreach (var map in new[] { randn([2, 64, 6, 6]), Input(2, 48, 6, 6), Input(2, 64, 6, 6).to(ScalarType.Float64) })
        {
            var (own, three) = (Layer(map.shape[1], map.dtype), Layer(map.shape[1], map.dtype));
            Assert.IsTrue(own.Pooled(map).equal(MaxPool(three.call(map).relu())).all().item<bool>());
        }
    }

    private static Dictionary<string, Tensor> Run(BatchNorm norm, Tensor x, Func<BatchNorm, Tensor, Tensor> pooled)
    {
        var leaf = x.detach().requires_grad_();
        var value = pooled(norm, leaf);
        var slopes = arange(value.numel(), dtype: ScalarType.Float64).mul_(0.37).cos_().reshape(value.shape).to(value.dtype);
        (value * slopes).sum().backward();
        var results = norm.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());
        results["value"] = value.detach();
        results["gradient"] = leaf.grad!;
        foreach (var (name, parameter) in norm.named_parameters())
            results[$"gradient of {name}"] = parameter.grad!;
        return results;
    }

    private static Tensor MaxPool(Tensor x) => nn.functional.max_pool2d(x, [3, 3], [2, 2], [1, 1]);

    private static Tensor Input(int images, int channels, int height, int width)
    {
        using var generator = new Generator(5, CPU);
        return ChannelOrder.Last(randn([images, channels, height, width], generator: generator).mul_(2).add_(10));
    }

    private static BatchNorm Layer(long channels, ScalarType type = ScalarType.Float32)
    {
        using var init = NetworkShape.InitializationOf(Backbone.ResNet18, 1);
        var norm = new BatchNorm(new Convolution(init, 3, (int)channels, 3));
        using (no_grad())
            foreach (var (name, parameter) in norm.named_parameters())
                parameter.copy_(linspace(-1, 1, channels).add_(name == "bias" ? 0.1 : 0)); // weights below 0 turn the order around
        norm.to(type);
        norm.train();
        return norm;
    }
}
