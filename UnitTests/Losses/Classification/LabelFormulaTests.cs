using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>Each loss on labels against its formula written out for one logit, and the two ways to state the same labels.</summary>
[TestClass]
public class LabelFormulaTests
{
    private static readonly double[] Logits = [-30, -4, -1.1, -0.01, 0, 0.3, 2, 6, 35];

    [TestMethod]
    [DynamicData(nameof(Formulas))]
    public void IsItsFormula(string text, Func<double, int, double> formula)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        for (var label = 0; label < 2; label++)
        {
            var x = tensor(Logits).unsqueeze(0);
            foreach (var targets in new[] { full_like(x, label), full_like(x, label).to(int64) })
            {
                var values = loss.Compute(x, targets, reduction: Reduction.None);
                CollectionAssert.AreEqual(x.shape, values.shape);
                for (var i = 0; i < Logits.Length; i++)
                    Assert.AreEqual(formula(Logits[i], label), values[0, i].item<double>(), 1e-11, $"logit {Logits[i]}, label {label}");
            }
            // One logit with an index is the same question.
            var binary = loss.Compute(x.t(), full(Logits.Length, label, int64), reduction: Reduction.None);
            Assert.IsTrue(binary.allclose(loss.Compute(x.t(), full_like(x.t(), label), reduction: Reduction.None), 0, 0));
        }
    }

    public static IEnumerable<object[]> Formulas()
    {
        static object[] Row(string text, Func<double, int, double> formula) => [text, formula];
        // The probability of the truth and of the other answer, both exact.
        static double Right(double x, int t) => 1 / (1 + Math.Exp(t == 1 ? -x : x));
        static double Wrong(double x, int t) => Right(x, 1 - t);
        static double Cost(double x, int t) =>
            (t == 1 ? -x : x) is var z && z > 0 ? z + Math.Log(1 + Math.Exp(-z)) : Math.Log(1 + Math.Exp(z));
        yield return Row("BinaryCrossEntropy()", Cost);
        yield return Row("BinaryCrossEntropy(positiveWeight: [3])", (x, t) => (t == 1 ? 3 : 1) * Cost(x, t));
        yield return Row("BinaryCrossEntropy(labelSmoothing: 0.2)", (x, t) => 0.9 * Cost(x, t) + 0.1 * Cost(x, 1 - t));
        yield return Row("Focal(gamma: 2)", (x, t) => Math.Pow(Wrong(x, t), 2) * Cost(x, t));
        yield return Row("Focal(gamma: 0.5, alpha: 0.25)", (x, t) => (t == 1 ? 0.25 : 0.75) * Math.Sqrt(Wrong(x, t)) * Cost(x, t));
        yield return Row("Focal(gamma: 0)", Cost);
        yield return Row("Poly(epsilon1: 2)", (x, t) => Cost(x, t) + 2 * Wrong(x, t));
        yield return Row("Poly(gamma: 1.5)", (x, t) => Math.Pow(Wrong(x, t), 1.5) * Cost(x, t) + Math.Pow(Wrong(x, t), 2.5));
        yield return Row("Hinge()", (x, t) => Math.Max(0, 1 - (2 * t - 1) * x));
        yield return Row("Hinge(squared: true, margin: 2)", (x, t) => Math.Pow(Math.Max(0, 2 - (2 * t - 1) * x), 2));
        yield return Row("Asymmetric()", (x, t) => t == 1 ? Wrong(x, 1) * Cost(x, 1) : Shifted(Wrong(x, 0) - 0.05, 4));
        yield return Row("Asymmetric(gammaNegative: 0)", (x, t) => t == 1 ? Wrong(x, 1) * Cost(x, 1) : Shifted(Wrong(x, 0) - 0.05, 0));
        yield return Row(
            "Asymmetric(margin: 0, gammaNegative: 0.5, gammaPositive: 0)",
            (x, t) => t == 1 ? Cost(x, 1) : Math.Sqrt(Wrong(x, 0)) * Cost(x, 0)
        );

        static double Shifted(double p, double gamma) => p <= 0 ? 0 : -Math.Pow(p, gamma) * Math.Log(1 - p);
    }

    [TestMethod]
    [DataRow("BinaryCrossEntropy()")]
    [DataRow("BinaryCrossEntropy(positiveWeight: [1, 2, 0.5, 4], classWeights: [1, 2, 3, 0.5])")]
    [DataRow("Focal(activation: Sigmoid, alpha: 0.25, classWeights: [1, 2, 3, 0.5])")]
    [DataRow("Poly(activation: Sigmoid, gamma: 1)")]
    [DataRow("AveragePrecision()")]
    public void AnIndexIsOneVersusTheRest(string text)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        var x = randn(5, 4, float64).requires_grad_();
        var indices = tensor(new long[] { 0, 2, 2, -100, 3 });
        var labels = nn.functional.one_hot(indices.clamp(0), 4).masked_fill(indices.eq(-100).unsqueeze(1), -100);
        var (a, b) = (loss.Compute(x, indices), loss.Compute(x, labels));
        Assert.AreEqual(b.item<double>(), a.item<double>(), 1e-12);
        var gradients = new[] { a, b }.Select(value => autograd.grad([value], [x])[0]).ToArray();
        Assert.IsTrue(gradients[0].allclose(gradients[1], 1e-10, 1e-12));
    }

    [TestMethod]
    public void SmoothedIndicesSpreadOverAllClasses()
    {
        using var scope = NewDisposeScope();
        var loss = new BinaryCrossEntropyLoss { LabelSmoothing = 0.2, PositiveWeight = [1, 2, 3, 4] };
        var x = randn(3, 4, float64);
        var indices = tensor(new long[] { 1, 0, 3 });
        var soft = nn.functional.one_hot(indices, 4).to(float64) * 0.8 + 0.05;
        Assert.IsTrue(
            loss.Compute(x, indices, reduction: Reduction.None)
                .allclose((loss with { LabelSmoothing = 0 }).Compute(x, soft, reduction: Reduction.None), 1e-12, 1e-12)
        );
    }

    [TestMethod]
    public void AMissedPositiveKeepsItsGradient()
    {
        using var scope = NewDisposeScope();
        var x = tensor(
                new double[,]
                {
                    { -1000, 1000 },
                }
            )
            .requires_grad_();
        var value = new AsymmetricLoss().Compute(
            x,
            tensor(
                new double[,]
                {
                    { 1, 0 },
                }
            ),
            reduction: Reduction.Sum
        );
        value.backward();
        Assert.AreEqual(-1, x.grad![0, 0].item<double>(), 1e-12);
        Assert.AreEqual(1000, (value + Math.Log(0.05) * Math.Pow(0.95, 4)).item<double>(), 1e-9);
    }
}
