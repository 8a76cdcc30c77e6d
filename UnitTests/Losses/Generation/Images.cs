using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Generation;

/// <summary>Random images in float64, and what several tests ask.</summary>
internal static class Images
{
    public static (Tensor Predictions, Tensor Targets) Pair(long n, long c, long h, long w, ulong seed = 11)
    {
        using var generator = new Generator(seed, CPU);
        return (
            rand([n, c, h, w], dtype: ScalarType.Float64, generator: generator),
            rand([n, c, h, w], dtype: ScalarType.Float64, generator: generator)
        );
    }

    public static LossInputs Inputs(params ReadOnlySpan<(string Name, Tensor Tensor)> tensors)
    {
        var inputs = new LossInputs();
        foreach (var (name, tensor) in tensors)
            inputs[name] = tensor;
        return inputs;
    }

    public static void Fails(string parameter, Action action)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(action);
        Assert.AreEqual(parameter, error.ParamName, error.Message);
    }
}
