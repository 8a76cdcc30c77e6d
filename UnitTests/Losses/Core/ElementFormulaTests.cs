using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Core;

[TestClass]
public class ElementFormulaTests
{
    private const int Side = 41; // 41 x 1681 elements: several runs, and a rest that fills no register

    // All pairs of values, among them those at which formulas change.
    private static (Tensor X, Tensor Y) Grid(ScalarType type, double[] y)
    {
        var x = cat([linspace(-6, 6, Side - 4, float64), tensor(new double[] { -200, 200, -1e4, 1e4 })]);
        var targets = tensor(y);
        var (a, b) = (x.repeat_interleave(targets.shape[0]).repeat(Side), targets.repeat(Side * Side));
        return (a.to(type), b.to(type));
    }

    private static double[] Soft => [0, 1e-3, 0.3, 0.5, 0.9, 0.999, 1, -1, -0.5, .. Enumerable.Range(0, 32).Select(i => i / 31.0)];
    private static double[] Hard => [.. Enumerable.Range(0, Side).Select(i => (i % 3) - 1.0)];

    [TestMethod]
    [DataRow(ScalarType.Float64, 1e-12)]
    [DataRow(ScalarType.Float32, 2e-5)]
    public void TensorOperationsGiveWhatTheLoopGives(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (x, soft) = Grid(type, Soft);
        var hard = Grid(type, Hard).Y;
        var labels = hard.gt(0).to(type);
        foreach (var gamma in new[] { 0, 0.5, 1, 1.5, 2, 3, 4 })
        {
            Check(new SigmoidFocalLoss.Formula(0.25, gamma), tolerance, x, hard);
            Check(new SigmoidFocalLoss.Formula(null, gamma), tolerance, x, hard);
            Check(new GaussianHeatmapFocalLoss.Formula(gamma, 4 - gamma), tolerance, x, soft);
            Check(new VariFocalLoss.Formula(0.75, gamma), tolerance, x, soft);
            if (gamma > 0)
                Check(new QualityFocalLoss.Formula(gamma), tolerance, x, soft);
            Check(new FocalFormula(gamma), tolerance, x);
            Check(new FocalFormula(gamma, 0.25), tolerance, x, labels);
            Check(new PolyLoss.Formula(2, gamma), tolerance, x, labels);
            Check(new AsymmetricLoss.Formula(gamma, 4 - gamma, 0.05), tolerance, x, labels);
            Check(new AsymmetricLoss.Formula(4 - gamma, gamma, 0), tolerance, x, labels);
        }
        Check(new BinaryCrossEntropyLoss.Formula(1, 0), tolerance, x, soft.clamp(0, 1));
        Check(new BinaryCrossEntropyLoss.Formula(3, 0.1), tolerance, x, soft.clamp(0, 1));
        Check(new SuperConfidence.Formula(0.7, 0.5), tolerance, x);
        Check(new BalancedL1Loss.Formula(0.5, 1.5, 1), tolerance, x, soft);
        Check(new BalancedL1Loss.Formula(0.3, 2, 0.4), tolerance, x, soft);
        manual_seed(5);
        Tensor Drawn() => x[randperm(x.shape[0])];
        Check(new EvidentialRegressionLoss.Formula(0.1), tolerance, x, Drawn(), Drawn(), Drawn(), Drawn());
    }

    private static void Check<TFormula>(TFormula formula, double tolerance, params Tensor[] inputs)
        where TFormula : struct, IElementFormula
    {
        using var scope = NewDisposeScope();
        var expected = ElementFormulas.ByTensors(formula, inputs, wantsSlopes: true);
        var total = Number(expected.Values.to(float64).sum());
        foreach (var summed in new[] { false, true })
        {
            Tensor[] leaves = [.. inputs.Select(input => input.clone().requires_grad_())];
            var (values, count) = ElementFormulas.Of(formula, summed, leaves);
            Assert.AreEqual(Number(expected.Counts.sum()), Number(count), $"{formula}: count");
            if (summed)
                Assert.AreEqual(1, Number(values) / total, tolerance, $"{formula}: sum");
            else
                AreClose(expected.Values, values, tolerance, $"{formula}: values");
            var gradients = autograd.grad([values.sum()], leaves, retain_graph: true);
            var again = autograd.grad([values.sum()], leaves, create_graph: true);
            for (var i = 0; i < leaves.Length; i++)
            {
                var slope = expected.Slopes[i];
                AreClose(slope, gradients[i], tolerance, $"{formula}: slope {i}");
                AreClose(slope, again[i], tolerance, $"{formula}: slope {i} on the graph");
            }
        }
    }

    private static void AreClose(Tensor expected, Tensor actual, double tolerance, string what)
    {
        var off = ((actual - expected).abs() - expected.abs() * tolerance).max();
        Assert.IsTrue(Number(off) <= tolerance, $"{what}: off by {Number(off)}");
    }

    private static double Number(Tensor scalar) => scalar.to(float64).item<double>();

    [TestMethod]
    public void SecondDerivativesAreThoseOfFiniteDifferences()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { -3.0, -0.4, 0, 0.8, 2.5, 4 });
        var targets = tensor(new[] { 0, 0.3, 0.9, 1, -1, 0 });
        foreach (
            DenseDetectionLoss loss in new DenseDetectionLoss[]
            {
                new QualityFocalLoss(),
                new VariFocalLoss(),
                new GaussianHeatmapFocalLoss(),
            }
        )
        foreach (var reduction in new[] { Reduction.None, Reduction.Mean })
        {
            Tensor Gradient(Tensor x) => autograd.grad([loss.Compute(x, targets, reduction: reduction).sum()], [x], create_graph: true)[0];
            var x = logits.clone().requires_grad_();
            var second = autograd.grad([Gradient(x).sum()], [x])[0];
            const double step = 1e-5;
            var expected = (Gradient((logits + step).requires_grad_()) - Gradient((logits - step).requires_grad_())).detach() / (2 * step);
            Assert.IsTrue(second.allclose(expected, 1e-6, 1e-8), $"{loss}, {reduction}");
        }
    }

    [TestMethod]
    public void OnlyWhatWantsAGradientGetsOne()
    {
        using var scope = NewDisposeScope();
        Tensor[] inputs = [.. Enumerable.Range(0, 5).Select(_ => randn(7))];
        inputs[2].requires_grad_();
        var names = new EvidentialRegressionLoss().RequiredInputs;
        var given = new LossInputs();
        for (var i = 0; i < inputs.Length; i++)
            given[names[i]] = inputs[i];
        new EvidentialRegressionLoss().Compute(given).backward();
        Assert.IsTrue(inputs[2].grad!.ne(0).all().item<bool>());
        Assert.IsNull(inputs[0].grad);
        Assert.IsNull(inputs[4].grad);
    }

    [TestMethod]
    public void NothingIsHeldWithoutAGradient()
    {
        using var scope = NewDisposeScope();
        var value = new BalancedL1Loss().Compute(randn(5, 4), randn(5, 4), reduction: Reduction.None);
        Assert.IsFalse(value.requires_grad);
    }
}
