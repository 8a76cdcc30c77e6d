using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.SelfSupervised;

/// <summary>NT-Xent, InfoNCE and their relatives against loops and against each other.</summary>
[TestClass]
public class ContrastiveTests
{
    private const double T = 0.4;

    [TestMethod]
    public void NTXentOnLabelsComparesEveryPositivePairWithTheAnchorsNegatives()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(5, 3);
        var classes = new long[] { 0, 1, 0, 2, 1 };
        var z = TwoViews.Unit(cat([a, b]));
        var sum = 0.0;
        var pairs = 0;
        for (var i = 0; i < 10; i++)
        for (var p = 0; p < 10; p++)
        {
            if (i == p || classes[i % 5] != classes[p % 5])
                continue;
            var positive = Math.Exp(Cosine(z, i, p) / T);
            var negatives = Enumerable.Range(0, 10).Where(k => classes[k % 5] != classes[i % 5]).Sum(k => Math.Exp(Cosine(z, i, k) / T));
            sum -= Math.Log(positive / (positive + negatives));
            pairs++;
        }
        var loss = new NTXentLoss { Temperature = T };
        var inputs = TwoViews.Inputs(a, b).With(("labels", tensor(classes)));
        Assert.AreEqual(sum / pairs, loss.Compute(inputs).item<double>(), 1e-12);
        Assert.AreEqual(sum, loss.Compute(inputs, Reduction.Sum).item<double>(), 1e-11);
    }

    [TestMethod]
    public void NTXentOnDistinctLabelsIsNTXent()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(5, 3);
        var loss = new NTXentLoss { Temperature = T };
        var labelled = loss.Compute(TwoViews.Inputs(a, b).With(("labels", arange(5, ScalarType.Int64))));
        Assert.AreEqual(loss.Compute(a, b).item<double>(), labelled.item<double>(), 1e-12);
    }

    [TestMethod]
    public void NTXentOnOneClassHasNoNegativesAndCostsNothing()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(4, 3);
        a.requires_grad_();
        var value = new NTXentLoss().Compute(TwoViews.Inputs(a, b).With(("labels", zeros(4, ScalarType.Int64))));
        value.backward();
        Assert.AreEqual(0, value.item<double>());
        Assert.AreEqual(0, a.grad!.abs().max().item<double>());
    }

    [TestMethod]
    public void RowWeightsOfNTXentWeighBothViewsOfARow()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(4, 3);
        var loss = new NTXentLoss();
        var terms = loss.Compute(a, b, reduction: Reduction.None).data<double>().ToArray();
        var weighted = loss.Compute(a, b, weights: tensor(new double[] { 1, 0, 0, 3 })).item<double>();
        Assert.AreEqual((terms[0] + terms[4] + 3 * (terms[3] + terms[7])) / 8, weighted, 1e-12);
    }

    [TestMethod]
    public void ImageTextContrastiveIsInfoNCEInBothDirections()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(5, 3);
        var oneWay = new InfoNCELoss { Temperature = 0.07 };
        var expected = (oneWay.Compute(a, b) + oneWay.Compute(b, a)).item<double>() / 2;
        using var both = new ImageTextContrastiveLoss { InitialTemperature = 0.07 }.Build(new() { DType = ScalarType.Float64 });
        Assert.AreEqual(expected, both.Evaluate(TwoViews.Inputs(a, b)).item<double>(), 1e-12);
    }

    [TestMethod]
    public void DecoupledContrastiveIsNTXentWithoutThePositiveInTheDenominator()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(5, 3);
        var decoupled = new DecoupledContrastiveLoss { Temperature = T }.Compute(a, b, reduction: Reduction.None);
        var coupled = new NTXentLoss { Temperature = T }.Compute(a, b, reduction: Reduction.None);
        var positives = (TwoViews.Unit(a) * TwoViews.Unit(b)).sum(1) / T;
        // NTXent = log(e^p + e^n) - p, so n = log(e^(NTXent + p) - e^p).
        var negatives = ((coupled.reshape(2, 5) + positives).exp() - positives.exp()).log();
        TwoViews.AssertClose(negatives.mean([0]) - positives, decoupled);
    }

    [TestMethod]
    public void TheSymmetricLossesAgree()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(5, 3);
        var inputs = TwoViews.Inputs(a, b).With(("targetA", a * 2 + 1), ("targetB", b - 0.3));
        var siamese = new SimSiamLoss().Compute(inputs, Reduction.None);
        TwoViews.AssertClose(4 + 4 * siamese, new BootstrapYourOwnLatentLoss().Compute(inputs, Reduction.None));
        var negative = new NegativeCosineLoss();
        var directions =
            negative.Compute(a, inputs["targetB"], reduction: Reduction.None)
            + negative.Compute(b, inputs["targetA"], reduction: Reduction.None);
        TwoViews.AssertClose(directions / 2, siamese);
    }

    [TestMethod]
    public void AZeroVectorHasCosineZeroAndGetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(3, 4);
        using (no_grad())
            a[1].zero_();
        a.requires_grad_();
        var terms = new NegativeCosineLoss().Compute(a, b, reduction: Reduction.None);
        terms.sum().backward();
        Assert.AreEqual(0, terms[1].item<double>());
        Assert.AreEqual(0, a.grad![1].abs().max().item<double>());
        Assert.IsTrue(a.grad[0].abs().max().item<double>() > 0);
    }

    [TestMethod]
    public void TheLogitScaleIsHeldAtItsMaximumAndCanComeDown()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(5, 3);
        using var function = new ImageTextContrastiveLoss { MaxScale = 20 }.Build(new() { DType = ScalarType.Float64 });
        function.State!.Set("logitScale", tensor(7.0, ScalarType.Float64));
        function.Evaluate(TwoViews.Inputs(a, b)).backward();
        Assert.AreEqual(Math.Log(20), function.State["logitScale"].item<double>(), 1e-12);
        Assert.AreNotEqual(0, function.State["logitScale"].grad!.item<double>());
    }

    [TestMethod]
    public void CrossModalTripletWithAllNegativesIsTheSumOfHinges()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(4, 3);
        var s = TwoViews.Unit(a).mm(TwoViews.Unit(b).t());
        var expected = 0.0;
        var hardest = 0.0;
        for (var i = 0; i < 4; i++)
        {
            double At(int r, int c) => s[r, c].item<double>();
            var others = Enumerable.Range(0, 4).Where(j => j != i).ToArray();
            expected += others.Sum(j => Math.Max(0, 0.5 + At(i, j) - At(i, i)) + Math.Max(0, 0.5 + At(j, i) - At(i, i)));
            hardest += others.Max(j => Math.Max(0, 0.5 + At(i, j) - At(i, i))) + others.Max(j => Math.Max(0, 0.5 + At(j, i) - At(i, i)));
        }
        var all = new CrossModalTripletLoss { Margin = 0.5, HardestOnly = false };
        Assert.AreEqual(expected / 4, all.Compute(a, b).item<double>(), 1e-12);
        Assert.AreEqual(hardest / 4, (all with { HardestOnly = true }).Compute(a, b).item<double>(), 1e-12);
    }

    private static double Cosine(Tensor z, int i, int j) => (z[i] * z[j]).sum().item<double>();
}
