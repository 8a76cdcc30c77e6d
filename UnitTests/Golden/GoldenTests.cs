using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Golden;

/// <summary>Every loss computes what the reference implementations compute: value and gradients, in float64 and float32.</summary>
[TestClass]
public class GoldenTests
{
    [TestMethod]
    [DynamicData(nameof(Cases), DynamicDataDisplayName = nameof(CaseName))]
    public void MatchesTheReference(object? golden)
    {
        if (golden is not GoldenCase one)
        {
            Assert.Inconclusive("No golden values: set MLNETLOSSES_GOLDEN to their folder to run these tests.");
            return;
        }
        Check(one, ScalarType.Float64, one.RelativeTolerance, 1e-12);
        var (relative, absolute) = one.SinglePrecisionTolerance;
        Check(one, ScalarType.Float32, relative, absolute);
    }

    public static IEnumerable<object?[]> Cases()
    {
        var any = false;
        foreach (var one in GoldenFolder.Cases())
        {
            any = true;
            yield return [one];
        }
        if (!any)
            yield return [null];
    }

    public static string CaseName(System.Reflection.MethodInfo method, object?[] data) => data[0]?.ToString() ?? "no golden values";

    private static void Check(GoldenCase golden, ScalarType precision, double relative, double absolute)
    {
        using var scope = NewDisposeScope();
        var inputs = golden.Tensors("inputs", precision);
        var parameters = golden.Tensors("parameters", precision);
        using var run = GoldenRun.Start(golden, inputs, parameters, precision);
        var tolerance = $"{precision}";
        AssertClose($"value ({tolerance})", golden.Value(precision), run.Value, relative, absolute);
        foreach (var (name, expected) in golden.Tensors("extra", precision))
            AssertClose($"{name} ({tolerance})", expected, run.Detail(name), relative, absolute);
        var gradients = golden.Tensors("gradients", precision);
        if (gradients.Count > 0)
        {
            run.Value.sum().backward();
            foreach (var (name, expected) in gradients)
                AssertClose($"gradient of {name} ({tolerance})", expected, run.Gradient(name), relative, absolute);
        }
        foreach (var (name, expected) in golden.Tensors("after", precision))
            AssertClose($"{name} afterwards ({tolerance})", expected, run.After(name), relative, absolute);
    }

    private static void AssertClose(string what, Tensor expected, Tensor actual, double relative, double absolute)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, $"{what}: shape");
        var (want, got) = (expected.to(ScalarType.Float64).flatten(), actual.detach().to(ScalarType.Float64).flatten());
        var same = want.eq(got).logical_or(want.isnan().logical_and(got.isnan()));
        var off = (want - got).abs() - (relative * want.abs() + absolute);
        var wrong = same.logical_not().logical_and(off.le(0).logical_not());
        if (!wrong.any().item<bool>())
            return;
        var at = wrong.nonzero()[0].item<long>();
        Assert.Fail(
            $"{what}: {wrong.sum().item<long>()} of {want.numel()} differ; element {at} is {got[at].item<double>():R}, expected {want[at].item<double>():R}."
        );
    }
}
