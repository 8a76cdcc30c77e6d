using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>Where one loss is another, value and gradient agree.</summary>
[TestClass]
public class IdentityTests
{
    private const string Identity = "[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]";

    /// <summary>Of one logit the two weights are those of the targets 0 and 1, as a softmax over [0, x] has them.</summary>
    [TestMethod]
    [DataRow("BinaryCrossEntropy")]
    [DataRow("Focal", "gamma: 0, ")]
    [DataRow("Poly", "epsilon1: 0, ")]
    public void OneLogitIsWeighedByItsTarget(string loss, string others = "")
    {
        using var scope = NewDisposeScope();
        var x = randn([2, 1, 5, 4], ScalarType.Float64, generator: new Generator(3)).requires_grad_();
        var targets = randn([2, 5, 4], generator: new Generator(4)).gt(0.4).to(ScalarType.Int64);
        targets[0, 1, 2] = -100;
        var values = new[] { $"{loss}({others}classWeights: [0.5, 3])", "CrossEntropy(classWeights: [0.5, 3])" }
            .Select(text => Loss.Parse<ClassificationLoss>(text).Compute(x, targets))
            .ToArray();
        Assert.AreEqual(values[1].item<double>(), values[0].item<double>(), 1e-12);
        Assert.IsTrue(autograd.grad([values[0]], [x])[0].allclose(autograd.grad([values[1]], [x])[0], 1e-10, 1e-12));
    }

    [TestMethod]
    [DataRow("Focal(gamma: 0)", "CrossEntropy()", 1e-12)]
    [DataRow("Focal(gamma: 0, classWeights: [1, 2, 3, 4])", "CrossEntropy(classWeights: [1, 2, 3, 4])", 1e-12)]
    [DataRow("Poly(epsilon1: 0)", "CrossEntropy()", 1e-12)]
    [DataRow("Poly(epsilon1: 0, gamma: 2)", "Focal()", 1e-12)]
    [DataRow("Focal(activation: Sigmoid, gamma: 0)", "BinaryCrossEntropy()", 1e-12)]
    [DataRow("Asymmetric(labelSmoothing: 0, gammaPositive: 2)", "Focal()", 1e-12)]
    [DataRow("Asymmetric(labelSmoothing: 0.3, gammaPositive: 0, gammaNegative: 0)", "CrossEntropy(labelSmoothing: 0.3)", 1e-12)]
    [DataRow("ClassBalanced(beta: 0)", "CrossEntropy()", 1e-12)]
    [DataRow("ClassBalanced(beta: 0, inner: BinaryCrossEntropy())", "BinaryCrossEntropy()", 1e-12)]
    [DataRow("LogitAdjusted(tau: 0)", "CrossEntropy()", 1e-12)]
    [DataRow("LogitAdjusted(classCounts: [7, 7, 7, 7])", "CrossEntropy()", 1e-12)]
    [DataRow("LabelDistributionAwareMargin(scale: 1, margin: 1e-12)", "CrossEntropy()", 1e-9)]
    [DataRow("Distillation(alpha: 0)", "CrossEntropy()", 1e-12)]
    [DataRow("GeneralizedCrossEntropy(q: 1)", "ProbabilityMeanAbsoluteError()", 1e-12)]
    [DataRow("GeneralizedCrossEntropy(q: 1e-7)", "CrossEntropy()", 1e-5)]
    [DataRow("SymmetricCrossEntropy(alpha: 1, beta: 0)", "CrossEntropy()", 1e-12)]
    [DataRow("SymmetricCrossEntropy(alpha: 0, labelFloor: 0.36787944117144233)", "ProbabilityMeanAbsoluteError()", 1e-12)]
    [DataRow("Bootstrapping(beta: 1)", "CrossEntropy()", 1e-12)]
    [DataRow($"ForwardCorrection(transitionMatrix: {Identity})", "CrossEntropy()", 1e-12)]
    [DataRow($"BackwardCorrection(transitionMatrix: {Identity})", "CrossEntropy()", 1e-12)]
    [DataRow("ActivePassive(alpha: 0, passive: MeanAbsoluteError)", "ProbabilityMeanAbsoluteError()", 1e-12)]
    [DataRow("JensenShannon(targetWeight: 1e-6)", "CrossEntropy()", 1e-4)]
    [DataRow("JensenShannon(targetWeight: 0.999999)", "ProbabilityMeanAbsoluteError()", 0.1)]
    public void IsAnother(string text, string other, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (loss, same) = (Loss.Parse<ClassificationLoss>(text), Loss.Parse<ClassificationLoss>(other));
        var inputs = LossSamples.For(loss, seed: 11);
        var x = inputs["logits"].requires_grad_();
        inputs["targets"][1] = -100;
        var values = new[] { loss, same }
            .Select(one =>
            {
                using var built = one.Build(LossSamples.Context());
                var value = built.Evaluate(inputs);
                return (Value: value.item<double>(), Gradient: autograd.grad([value], [x])[0]);
            })
            .ToArray();
        Assert.AreEqual(values[1].Value, values[0].Value, tolerance);
        Assert.IsTrue(values[0].Gradient.allclose(values[1].Gradient, tolerance, tolerance));
    }

    [TestMethod]
    public void WestonWatkinsIsTorchsMultiMargin()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (randn(7, 5, float64), randint(0, 5, 7, int64));
        foreach (var squared in new[] { false, true })
            Assert.AreEqual(
                nn.functional.multi_margin_loss(x, y, squared ? 2 : 1, 1.5).item<double>(),
                new HingeLoss { Margin = 1.5, Squared = squared }
                    .Compute(x, y)
                    .item<double>(),
                1e-12
            );
    }

    [TestMethod]
    public void OneLogitIsTwoClassesOfWhichOneIsZero()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (randn(6, 1, float64), tensor(new long[] { 0, 1, 1, -100, 0, 1 }));
        var two = cat(new[] { zeros_like(x), x }, 1);
        foreach (
            var loss in new[]
            {
                new CrossEntropyLoss(),
                new() { LabelSmoothing = 0.2, ClassWeights = [1, 3] },
            }
        )
            Assert.AreEqual(loss.Compute(two, y).item<double>(), loss.Compute(x, y).item<double>(), 1e-12);
        Assert.AreEqual(
            new BinaryCrossEntropyLoss().Compute(x, y).item<double>(),
            new CrossEntropyLoss().Compute(x, y).item<double>(),
            1e-12
        );
    }

    [TestMethod]
    public void CrossEntropyOfProbabilitiesIsDivergencePlusEntropy()
    {
        using var scope = NewDisposeScope();
        var x = randn(5, 4, float64).requires_grad_();
        var q = nn.functional.softmax(randn(5, 4, float64), 1);
        var entropy = -(q * q.log()).sum(1).mean().item<double>();
        var (divergence, cost) = (new KullbackLeiblerLoss().Compute(x, q), new CrossEntropyLoss().Compute(x, q));
        Assert.AreEqual(cost.item<double>() - entropy, divergence.item<double>(), 1e-12);
        Assert.IsTrue(autograd.grad([cost], [x])[0].allclose(autograd.grad([divergence], [x])[0], 1e-10, 1e-12));
    }

    [TestMethod]
    public void VanishingVarianceIsCrossEntropy()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (randn(5, 4, float64), randint(0, 4, 5, int64));
        var inputs = new LossInputs
        {
            ["logits"] = x,
            ["targets"] = y,
            ["logVariances"] = full(5, 1, -200, float64),
        };
        Assert.AreEqual(
            new CrossEntropyLoss().Compute(x, y).item<double>(),
            new HeteroscedasticClassificationLoss().Compute(inputs).item<double>(),
            1e-12
        );
    }
}
