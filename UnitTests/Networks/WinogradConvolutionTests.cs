using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>A convolution by fewer multiplications computes what the convolution computes, of several maps at once.</summary>
[TestClass]
public sealed class WinogradConvolutionTests
{
    private static readonly (int N, int H, int W)[] Odd = [(2, 9, 14), (3, 4, 4), (1, 1, 3), (2, 8, 5)];

    [TestMethod]
    [DataRow(16, 16, true)]
    [DataRow(16, 48, true)]
    [DataRow(80, 32, false)]
    [DataRow(256, 256, true)]
    public void ValuesAndGradientsAreThoseInDoublePrecision(int inputs, int outputs, bool bias)
    {
        using var scope = NewDisposeScope();
        var (maps, weight, offset) = Draw(Odd, inputs, outputs, bias);
        var single = Values(WinogradConvolution.Of(maps, weight, offset), weight, offset, maps);
        var (precise, exactWeight, exactOffset) = (maps.Select(Exact).ToArray(), Exact(weight), offset is null ? null : Exact(offset));
        var exact = Values(Direct(precise, exactWeight, exactOffset), exactWeight, exactOffset, precise);
        Assert.HasCount(exact.Length, single);
        for (var i = 0; i < exact.Length; i++)
            AssertClose(exact[i], single[i], $"tensor {i}");
    }

    [TestMethod]
    public void TheOrderOfChannelsInMemoryDoesNotMatter()
    {
        using var scope = NewDisposeScope();
        var (maps, weight, _) = Draw([(2, 9, 14)], 32, 16, bias: false);
        var last = maps[0].detach().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).requires_grad_();
        var expected = Values(WinogradConvolution.Of(maps, weight, null), weight, null, maps);
        weight.grad = null;
        var actual = Values(WinogradConvolution.Of([last], weight, null), weight, null, [last]);
        for (var i = 0; i < expected.Length; i++)
            Assert.IsTrue(actual[i].allclose(expected[i], rtol: 0, atol: 0), $"tensor {i}");
    }

    [TestMethod]
    public void ThreadsDoNotChangeABit()
    {
        using var scope = NewDisposeScope();
        var threads = get_num_threads();
        try
        {
            var (maps, weight, offset) = Draw([(2, 33, 21)], 32, 32, bias: true);
            set_num_threads(1);
            var one = WinogradConvolution.Of(maps, weight, offset)[0];
            set_num_threads(4);
            Assert.IsTrue(WinogradConvolution.Of(maps, weight, offset)[0].allclose(one, rtol: 0, atol: 0));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [TestMethod]
    [DataRow(20, 28, false)]
    [DataRow(40, 56, true)]
    public void WhetherItIsUsedDependsOnAnImageNotOnItsNeighbours(int height, int width, bool used)
    {
        using var scope = NewDisposeScope();
        var weight = zeros(256, 256, 3, 3);
        foreach (var images in new[] { 1, 8 })
            Assert.AreEqual(used, WinogradConvolution.Suits([zeros(images, 256, height, width)], weight), $"{images} images");
    }

    [TestMethod]
    public void GradientsCanBeDifferentiated()
    {
        using var scope = NewDisposeScope();
        var (maps, weight, offset) = Draw([(2, 6, 7), (1, 3, 3)], 16, 16, bias: true);
        var penalty = Penalty(WinogradConvolution.Of(maps, weight, offset), maps);
        var expected = Penalty(Direct(maps, weight, offset), maps);
        Assert.AreEqual(expected.item<float>(), penalty.item<float>(), 1e-4f * expected.item<float>());
        penalty.backward();
        var actual = weight.grad!.clone();
        weight.grad = null;
        expected.backward();
        AssertClose(weight.grad!, actual, "weight");

        static Tensor Penalty(IEnumerable<Tensor> values, Tensor[] maps)
        {
            var sum = values.Aggregate(tensor(0f), (total, map) => total + map.pow(3).sum());
            return autograd
                .grad([sum], maps, retain_graph: true, create_graph: true)
                .Aggregate(tensor(0f), (total, g) => total + g.square().sum());
        }
    }

    [TestMethod]
    public void WhatIsFrozenOrUnusedHasNoGradient()
    {
        using var scope = NewDisposeScope();
        var (maps, weight, offset) = Draw(Odd, 16, 16, bias: true);
        weight.requires_grad_(false);
        var results = WinogradConvolution.Of(maps, weight, offset);
        results[1].square().sum().backward(); // nothing is said of the other maps
        Assert.IsNull(weight.grad);
        Assert.AreEqual(0, maps[0].grad?.abs().sum().item<float>() ?? 0);
        var exact = nn.functional.conv2d(Exact(maps[1]), Exact(weight), Exact(offset!), [1, 1], [1, 1]);
        AssertClose(exact.sum([0, 2, 3]) * 2, offset!.grad!, "bias");
    }

    [TestMethod]
    public void StepsLeaveNothingBehind()
    {
        var (maps, weight, offset) = Draw(Odd, 32, 32, bias: true);
        Step();
        Step(); // what the last convolution returned is freed by the next
        var before = LiveTensors.Settled();
        for (var i = 0; i < 5; i++)
            Step();
        Assert.AreEqual(before, Tensor.TotalCount);
        foreach (var one in (Tensor[])[.. maps, weight, offset!])
            one.Dispose();

        void Step()
        {
            using var scope = NewDisposeScope();
            Values(WinogradConvolution.Of(maps, weight, offset), weight, offset, maps);
            foreach (var one in (Tensor[])[.. maps, weight, offset!])
                one.grad = null;
        }
    }

    private static (Tensor[] Maps, Tensor Weight, Tensor? Bias) Draw((int N, int H, int W)[] sizes, int inputs, int outputs, bool bias)
    {
        using var generator = new Generator(5, CPU);
        return (
            [.. sizes.Select(size => randn([size.N, inputs, size.H, size.W], generator: generator).requires_grad_())],
            (randn([outputs, inputs, 3, 3], generator: generator) / Math.Sqrt(9 * inputs)).requires_grad_(),
            bias ? randn([outputs], generator: generator).requires_grad_() : null
        );
    }

    private static Tensor Exact(Tensor tensor) => tensor.detach().to(ScalarType.Float64).requires_grad_(tensor.requires_grad);

    private static Tensor[] Direct(Tensor[] maps, Tensor weight, Tensor? bias) =>
        [.. maps.Select(map => nn.functional.conv2d(map, weight, bias, [1, 1], [1, 1]))];

    /// <summary>The results, and the gradients of a function of them.</summary>
    private static Tensor[] Values(IReadOnlyList<Tensor> results, Tensor weight, Tensor? bias, Tensor[] maps)
    {
        results.Aggregate(zeros([], results[0].dtype), (sum, map) => sum + (map.square() * (map + 1)).sum()).backward();
        Tensor?[] all = [.. results.Select(map => map.detach()), weight.grad, bias?.grad, .. maps.Select(map => map.grad)];
        return [.. all.OfType<Tensor>()];
    }

    private static void AssertClose(Tensor expected, Tensor actual, string name)
    {
        var off = (actual.to(ScalarType.Float64) - expected.to(ScalarType.Float64)).abs().max() / expected.abs().max();
        Assert.IsLessThan(3e-5, off.to(ScalarType.Float64).item<double>(), name); // NaN is not less either
    }
}
