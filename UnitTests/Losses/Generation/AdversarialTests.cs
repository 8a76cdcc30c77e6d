using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Generation;

/// <summary>Games of two sides and penalties on a critic's gradients.</summary>
[TestClass]
public class AdversarialTests
{
    private static AdversarialLoss Discriminator => new() { Side = AdversarialSide.Discriminator };

    [TestMethod]
    public void EachSideIsAveragedOverItself()
    {
        using var scope = NewDisposeScope();
        var (real, fake) = (randn(5, 1, dtype: ScalarType.Float64), randn(2, 1, 3, 3, dtype: ScalarType.Float64));
        var inputs = Images.Inputs(("realLogits", real), ("fakeLogits", fake));
        var expected = ((-real).exp().log1p().mean() + fake.exp().log1p().mean()).item<double>();
        Assert.AreEqual(expected, Discriminator.Compute(inputs).item<double>(), 1e-12);
        Assert.ThrowsExactly<NotSupportedException>(() => Discriminator.Compute(inputs, Reduction.None));
        Images.Fails("realLogits", () => (Discriminator with { Kind = AdversarialKind.Relativistic }).Compute(inputs));
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void AnEmptySideAddsNothing(AdversarialKind kind)
    {
        if (kind == AdversarialKind.Relativistic)
            return; // pairs: no side without the other
        using var scope = NewDisposeScope();
        var (real, none) = (randn(5, 1).requires_grad_(), zeros(0, 1));
        var value = (Discriminator with { Kind = kind }).Compute(Images.Inputs(("realLogits", real), ("fakeLogits", none)));
        value.backward();
        Assert.IsTrue(float.IsFinite(value.item<float>()));
        Assert.IsTrue(real.grad!.isfinite().all().item<bool>());
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void BothSidesPullAgainstEachOther(AdversarialKind kind)
    {
        using var scope = NewDisposeScope();
        foreach (var (side, sign) in new[] { (AdversarialSide.Discriminator, 1.0), (AdversarialSide.Generator, -1.0) })
        {
            var (real, fake) = (zeros(4, 1).requires_grad_(), zeros(4, 1).requires_grad_());
            new AdversarialLoss { Kind = kind, Side = side }
                .Compute(Images.Inputs(("realLogits", real), ("fakeLogits", fake)))
                .backward();
            if (kind == AdversarialKind.LeastSquares && side == AdversarialSide.Discriminator)
                Assert.IsTrue(real.grad!.lt(0).all().item<bool>()); // a fake logit of 0 is what it wants
            else
                Assert.IsTrue((fake.grad! * sign).gt(0).all().item<bool>(), $"{kind} {side}");
        }
    }

    [TestMethod]
    public void SmoothingWhereItHasNoMeaningIsRefused()
    {
        var wrong = new AdversarialLoss { Side = AdversarialSide.Generator, LabelSmoothing = 0.1 };
        Images.Fails("LabelSmoothing", () => wrong.Build());
        Images.Fails("LabelSmoothing", () => (Discriminator with { Kind = AdversarialKind.Hinge, LabelSmoothing = 0.1 }).Build());
        Assert.ThrowsExactly<FormatException>(() => Loss.Parse("Adversarial(side: Generator, labelSmoothing: 0.1)"));
        Assert.ThrowsExactly<FormatException>(() => Loss.Parse("Adversarial()"));
    }

    [TestMethod]
    public void AGeneratorsLossMixesImagesAndLogits()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 1, 4, 4);
        GenerationLoss loss = new AdversarialLoss { Side = AdversarialSide.Generator } + 100 * new MeanAbsoluteErrorLoss();
        Assert.AreEqual(loss, Loss.Parse<GenerationLoss>(loss.ToString()));
        Assert.ThrowsExactly<FormatException>(() => Loss.Parse<ImageLoss>(loss.ToString()));
        CollectionAssert.AreEquivalent(new[] { "fakeLogits", "predictions", "targets" }, loss.RequiredInputs.ToArray());
        using var function = loss.Build();
        var inputs = Images.Inputs(("fakeLogits", zeros(2, 1, dtype: ScalarType.Float64)), ("predictions", p), ("targets", t));
        Assert.AreEqual(Math.Log(2) + 100 * (p - t).abs().mean().item<double>(), function.Evaluate(inputs).item<double>(), 1e-9);
    }

    [TestMethod]
    public void ThePenaltyReachesTheCriticsParameters()
    {
        using var scope = NewDisposeScope();
        var weight = tensor(new double[] { 3, 4 }).requires_grad_(); // a linear critic's gradient is its weight, of norm 5
        var points = randn(6, 2, dtype: ScalarType.Float64);
        var gradients = CriticGradients.At(x => x.mv(weight), points);
        var value = new GradientPenaltyLoss().Compute(Images.Inputs(("gradients", gradients)));
        value.backward();
        Assert.AreEqual(10 * 16, value.item<double>(), 1e-9);
        Assert.AreEqual(20 * 4 * 3 / 5.0, weight.grad![0].item<double>(), 1e-9);
        Assert.AreEqual(20 * 4 * 4 / 5.0, weight.grad[1].item<double>(), 1e-9);
    }

    [TestMethod]
    public void TheNormIsASamplesOwn()
    {
        using var scope = NewDisposeScope();
        var gradients = zeros(2, 1, 2, 2, dtype: ScalarType.Float64);
        using (no_grad())
            gradients[0].fill_(1.5); // norm 3
        var terms = new GradientPenaltyLoss().Compute(Images.Inputs(("gradients", gradients)), Reduction.None);
        Assert.AreEqual(40, terms[0].item<double>(), 1e-12);
        Assert.AreEqual(10, terms[1].item<double>(), 1e-12);
    }

    [TestMethod]
    public void PointsBetweenLieBetweenAndRepeatWithTheirSeed()
    {
        using var scope = NewDisposeScope();
        var (real, fake) = (ones(5, 1, 2, 2), zeros(5, 1, 2, 2));
        var points = CriticGradients.Between(real, fake, seed: 3);
        Assert.IsTrue(points.ge(0).logical_and(points.le(1)).all().item<bool>());
        Assert.AreEqual(0, (points - points.mean([1, 2, 3], keepdim: true)).abs().max().item<float>(), 1e-6);
        Assert.IsTrue(points.std().item<float>() > 0.05);
        Assert.AreEqual(0, (points - CriticGradients.Between(real, fake, seed: 3)).abs().max().item<float>());
        Images.Fails("fake", () => CriticGradients.Between(real, zeros(4, 1, 2, 2)));
        Images.Fails("critic", () => CriticGradients.At(_ => ones(5), real));
    }

    public static IEnumerable<object[]> Kinds() => Enum.GetValues<AdversarialKind>().Select(kind => new object[] { kind });
}
