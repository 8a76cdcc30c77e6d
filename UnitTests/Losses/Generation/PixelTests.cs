using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Generation;

/// <summary>Losses on pixels, neighbours and spectra against loops and formulas.</summary>
[TestClass]
public class PixelTests
{
    [TestMethod]
    [DataRow(6)]
    [DataRow(5)]
    public void FocalFrequencyIsTheFormulaOnTheFullSpectrum(int width)
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 2, 4, width);
        var power = fft.fft2(p - t, norm: FFTNormType.Ortho).abs().square();
        foreach (var alpha in new[] { 0, 0.7, 1, 2 })
        foreach (var log in new[] { false, true })
        {
            var m = power.pow(alpha / 2);
            m = log ? (1 + m).log() : m;
            var expected = (m / m.amax([2, 3], keepdim: true) * power).mean().item<double>();
            var loss = new FocalFrequencyLoss { Alpha = alpha, LogMatrix = log };
            Assert.AreEqual(expected, loss.Compute(p, t).item<double>(), 1e-12);
        }
    }

    [TestMethod]
    public void AnAveragedSpectrumHasNoTermsOfImages()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 1, 4, 4);
        var loss = new FocalFrequencyLoss { AverageSpectrum = true };
        Assert.AreEqual(loss.Compute(p, t).item<double>(), loss.Compute(p, t, reduction: Reduction.Sum).item<double>());
        Assert.ThrowsExactly<NotSupportedException>(() => loss.Compute(p, t, reduction: Reduction.None));
        Images.Fails("predictions", () => new FocalFrequencyLoss { PatchFactor = 3 }.Compute(p, t));
    }

    [TestMethod]
    public void IsotropicVariationIsTheLoop()
    {
        using var scope = NewDisposeScope();
        var (x, _) = Images.Pair(1, 1, 3, 4);
        double At(int i, int j) => x[0, 0, i, j].item<double>();
        var expected = 0.0;
        for (var i = 0; i < 3; i++)
        for (var j = 0; j < 4; j++)
        {
            var dy = i < 2 ? At(i + 1, j) - At(i, j) : 0;
            var dx = j < 3 ? At(i, j + 1) - At(i, j) : 0;
            expected += Math.Sqrt(dy * dy + dx * dx);
        }
        var loss = new TotalVariationLoss { Norm = VariationNorm.Isotropic };
        Assert.AreEqual(expected, loss.Compute(x).item<double>(), 1e-12);
        var mean = loss with { Normalization = VariationNormalization.Pixels };
        Assert.AreEqual(expected / 12, mean.Compute(x).item<double>(), 1e-12);
    }

    [TestMethod]
    [DataRow(1, 5)]
    [DataRow(5, 1)]
    [DataRow(1, 1)]
    public void ASideOfOnePixelHasNoDifferences(int height, int width)
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 2, height, width);
        GenerationLoss[] losses =
        [
            new TotalVariationLoss(),
            new TotalVariationLoss { Norm = VariationNorm.Isotropic, Normalization = VariationNormalization.Pixels },
            new TotalVariationLoss { Norm = VariationNorm.Squared, Normalization = VariationNormalization.Pixels },
            new GradientDifferenceLoss(),
            new EdgeLoss(),
            new EdgeLoss { Compare = EdgeComparison.Magnitude },
        ];
        foreach (var loss in losses)
        {
            p = p.detach().requires_grad_();
            var value = loss.Compute(Images.Inputs(("predictions", p), ("targets", t)));
            value.backward();
            Assert.IsTrue(double.IsFinite(value.item<double>()), $"{loss}");
            Assert.IsTrue(p.grad!.isfinite().all().item<bool>(), $"{loss}");
            if (height * width == 1)
                Assert.AreEqual(0, value.item<double>(), 1e-15, $"{loss}");
        }
    }

    [TestMethod]
    public void ASmallPowerOfGradientDifferencesHasFiniteSlopes()
    {
        using var scope = NewDisposeScope();
        var (p, _) = Images.Pair(1, 1, 4, 4);
        p.requires_grad_();
        var value = new GradientDifferenceLoss { Alpha = 0.5 }.Compute(p, p.detach().clone());
        value.backward();
        Assert.AreEqual(0, value.item<double>());
        Assert.AreEqual(0, p.grad!.abs().max().item<double>());
    }

    [TestMethod]
    public void ReconstructionEqualsTheRegressionLossesElementByElement()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 3, 4, 4);
        (ReconstructionLoss Image, RegressionLoss Numbers)[] pairs =
        [
            (new(), new MeanAbsoluteErrorLoss()),
            (new() { Distance = ReconstructionDistance.L2 }, new MeanSquaredErrorLoss()),
        ];
        foreach (var (image, numbers) in pairs)
            Assert.AreEqual(
                0,
                (image.Compute(p, t, reduction: Reduction.None) - numbers.Compute(p, t, reduction: Reduction.None))
                    .abs()
                    .max()
                    .item<double>()
            );
    }

    [TestMethod]
    public void MasksWeighElementsAndPerImageSumsAreNotDividedByThem()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 3, 4, 4);
        var mask = zeros(2, 1, 4, 4, dtype: ScalarType.Float64);
        using (no_grad())
            mask.narrow(3, 0, 2).fill_(1);
        var inside = (p - t).abs().narrow(3, 0, 2);
        Assert.AreEqual(inside.mean().item<double>(), new ReconstructionLoss().Compute(p, t, mask).item<double>(), 1e-12);
        var perImage = new ReconstructionLoss { PerImage = true };
        Assert.AreEqual(inside.sum().item<double>() / 2, perImage.Compute(p, t, mask).item<double>(), 1e-12);
        CollectionAssert.AreEqual(new long[] { 2 }, perImage.Compute(p, t, mask, Reduction.None).shape);
        Assert.AreEqual(0, new ReconstructionLoss().Compute(p, t, mask * 0).item<double>());
        Images.Fails("weights", () => new ReconstructionLoss().Compute(p, t, ones(2, 2, 4, 4)));
    }

    [TestMethod]
    public void CrossEntropyRefusesWhatIsNoProbability()
    {
        using var scope = NewDisposeScope();
        var loss = new ReconstructionLoss { Distance = ReconstructionDistance.BinaryCrossEntropy };
        Images.Fails("predictions", () => loss.Compute(full([1, 1, 2, 2], 1.5f), ones(1, 1, 2, 2)));
        Images.Fails("targets", () => loss.Compute(ones(1, 1, 2, 2), full([1, 1, 2, 2], -1f)));
        Assert.AreEqual(100, loss.Compute(zeros(1, 1, 2, 2), ones(1, 1, 2, 2)).item<float>());
    }

    [TestMethod]
    public void BothDirectionsOfACycleAreAveragedOverThemselves()
    {
        using var scope = NewDisposeScope();
        var ((p, t), (p2, t2)) = (Images.Pair(2, 1, 4, 4), Images.Pair(3, 2, 5, 5));
        var inputs = Images.Inputs(("predictions", p), ("targets", t), ("predictionsB", p2), ("targetsB", t2));
        var expected = 10 * ((p - t).abs().mean() + (p2 - t2).abs().mean()).item<double>();
        var loss = new CycleConsistencyLoss();
        Assert.AreEqual(expected, loss.Compute(inputs).item<double>(), 1e-12);
        Assert.ThrowsExactly<NotSupportedException>(() => loss.Compute(inputs, Reduction.None));
        CollectionAssert.AreEqual(p.shape, loss.Compute(p, t, reduction: Reduction.None).shape);
        Images.Fails("targetsB", () => loss.Compute(Images.Inputs(("predictions", p), ("targets", t), ("predictionsB", p2))));
    }

    [TestMethod]
    public void APerfectImageHasTheHighestRatioAndNoGradient()
    {
        using var scope = NewDisposeScope();
        var (p, _) = Images.Pair(1, 1, 4, 4);
        p.requires_grad_();
        var value = new PeakSignalToNoiseRatioLoss { Epsilon = 1e-6 }.Compute(p, p.detach().clone());
        value.backward();
        Assert.AreEqual(-60, value.item<double>(), 1e-9);
        Assert.AreEqual(0, p.grad!.abs().max().item<double>());
    }
}
