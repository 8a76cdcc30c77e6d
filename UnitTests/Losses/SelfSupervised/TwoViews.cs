using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.SelfSupervised;

/// <summary>Two random views in float64, and comparisons of tensors.</summary>
internal static class TwoViews
{
    public static (Tensor A, Tensor B) Of(long rows, long width, ulong seed = 7)
    {
        using var generator = new Generator(seed, CPU);
        return (
            randn(rows, width, dtype: ScalarType.Float64, generator: generator),
            randn(rows, width, dtype: ScalarType.Float64, generator: generator)
        );
    }

    public static LossInputs Inputs(Tensor a, Tensor b) => new() { ["viewA"] = a, ["viewB"] = b };

    public static Tensor Unit(Tensor x) => x / x.square().sum(1, keepdim: true).sqrt();

    public static void AssertClose(Tensor expected, Tensor actual, double tolerance = 1e-11)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        Assert.AreEqual(0, (expected - actual).abs().max().item<double>(), tolerance);
    }
}
