using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

/// <summary>Logits and targets from a seed, and comparisons, for the tests of segmentation losses.</summary>
internal static class Samples
{
    public static Tensor Logits(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn(shape, dtype: ScalarType.Float64, generator: generator) * 2;
    }

    public static Tensor Indices(long seed, long classes, params long[] shape)
    {
        using var generator = new Generator((ulong)seed + 100, CPU);
        return randint(0, classes, shape, ScalarType.Int64, generator: generator);
    }

    public static double Number(this Tensor tensor) => tensor.to(ScalarType.Float64).item<double>();

    public static double[] Numbers(this Tensor tensor) => tensor.detach().to(ScalarType.Float64).contiguous().data<double>().ToArray();

    /// <summary>The mean of a loss and its gradient.</summary>
    public static (double Value, double[] Gradient) Evaluate(SegmentationLoss loss, Tensor logits, Tensor targets)
    {
        var leaf = logits.detach().clone().requires_grad_();
        var value = loss.Compute(leaf, targets);
        value.backward();
        return (value.Number(), leaf.grad!.Numbers());
    }

    public static void AreClose(double[] expected, double[] actual, double tolerance, string what = "")
    {
        Assert.AreEqual(expected.Length, actual.Length, $"{what}: length");
        for (var i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i]))))
                Assert.Fail($"{what}[{i}]: {actual[i]:R}, expected {expected[i]:R}.");
    }

    public static void AreSame(SegmentationLoss loss, (Tensor Logits, Tensor Targets) a, (Tensor Logits, Tensor Targets) b)
    {
        var (first, second) = (Evaluate(loss, a.Logits, a.Targets), Evaluate(loss, b.Logits, b.Targets));
        Assert.AreEqual(first.Value, second.Value, 1e-12, loss.ToString());
        AreClose(first.Gradient, second.Gradient, 1e-12, loss.ToString());
    }
}
