using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Generation;

/// <summary>SSIM and its multi-scale form against loops over windows, and their accuracy in single precision.</summary>
[TestClass]
public class StructuralTests
{
    [TestMethod]
    public void EqualsTheLoopOverWindows()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Images.Pair(1, 2, 7, 8);
        var loss = new StructuralSimilarityLoss { WindowSize = 5, Sigma = 1.1 };
        Assert.AreEqual(1 - MeanOverWindows(x, y, 5, 1.1), loss.Compute(x, y).item<double>(), 1e-12);
    }

    [TestMethod]
    public void IdenticalImagesCostNothingInSinglePrecisionToo()
    {
        using var scope = NewDisposeScope();
        var x = rand(2, 3, 16, 16);
        Assert.AreEqual(0, new StructuralSimilarityLoss().Compute(x, x.clone()).item<float>(), 1e-6);
    }

    [TestMethod]
    public void BrightFlatImagesKeepTheirDigitsInSinglePrecision()
    {
        using var scope = NewDisposeScope();
        var x = 0.98 + 0.01 * rand(1, 1, 20, 20, dtype: ScalarType.Float64);
        var y = 0.98 + 0.01 * rand(1, 1, 20, 20, dtype: ScalarType.Float64);
        var loss = new StructuralSimilarityLoss();
        var exact = loss.Compute(x, y).item<double>();
        var single = loss.Compute(x.to(ScalarType.Float32), y.to(ScalarType.Float32)).item<float>();
        Assert.AreEqual(exact, single, 2e-5 * exact);
    }

    [TestMethod]
    public void TheDataRangeScalesTheImage()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Images.Pair(2, 1, 12, 12);
        var unit = new StructuralSimilarityLoss().Compute(x, y).item<double>();
        var bytes = new StructuralSimilarityLoss { DataRange = 255 }
            .Compute(x * 255, y * 255)
            .item<double>();
        Assert.AreEqual(unit, bytes, 1e-10);
    }

    [TestMethod]
    public void OneScaleIsStructuralSimilarity()
    {
        using var scope = NewDisposeScope();
        var (x, other) = Images.Pair(2, 1, 12, 12);
        var y = 0.7 * x + 0.3 * other; // alike enough for a positive factor
        var multi = new MultiScaleStructuralSimilarityLoss { ScaleWeights = [1] };
        Assert.AreEqual(new StructuralSimilarityLoss().Compute(x, y).item<double>(), multi.Compute(x, y).item<double>(), 1e-12);
    }

    [TestMethod]
    public void AScaleOfWeightZeroDoesNotCount()
    {
        using var scope = NewDisposeScope();
        var (x, other) = Images.Pair(1, 1, 8, 8);
        var y = 0.7 * x + 0.3 * other; // alike enough for a positive factor
        var multi = new MultiScaleStructuralSimilarityLoss { WindowSize = 3, ScaleWeights = [0, 1] };
        var half = new StructuralSimilarityLoss { WindowSize = 3 };
        var expected = half.Compute(nn.functional.avg_pool2d(x, 2), nn.functional.avg_pool2d(y, 2));
        Assert.AreEqual(expected.item<double>(), multi.Compute(x, y).item<double>(), 1e-12);
    }

    [TestMethod]
    public void ADeadFactorGivesOneAndNoGradient()
    {
        using var scope = NewDisposeScope();
        var (x, _) = Images.Pair(1, 1, 8, 8);
        x.requires_grad_();
        var multi = new MultiScaleStructuralSimilarityLoss { WindowSize = 3, ScaleWeights = [0.5, 0.5] };
        var value = multi.Compute(x, 1 - x.detach());
        value.backward();
        Assert.AreEqual(1, value.item<double>());
        Assert.AreEqual(0, x.grad!.abs().max().item<double>());
    }

    [TestMethod]
    public void TooSmallImagesAndWrongWindowsAreNamed()
    {
        using var scope = NewDisposeScope();
        Images.Fails("predictions", () => new StructuralSimilarityLoss().Compute(ones(1, 1, 10, 20), ones(1, 1, 10, 20)));
        Images.Fails("predictions", () => new MultiScaleStructuralSimilarityLoss().Compute(ones(1, 1, 160, 175), ones(1, 1, 160, 175)));
        Images.Fails("predictions", () => new StructuralSimilarityLoss().Compute(ones(3, 20, 20), ones(3, 20, 20)));
        Images.Fails(
            "predictions",
            () => new StructuralSimilarityLoss { Padding = WindowPadding.Same }.Compute(ones(1, 1, 5, 20), ones(1, 1, 5, 20))
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new StructuralSimilarityLoss { WindowSize = 4 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new MultiScaleStructuralSimilarityLoss { ScaleWeights = [] });
    }

    private static double MeanOverWindows(Tensor x, Tensor y, int size, double sigma)
    {
        var g = Enumerable.Range(0, size).Select(k => Math.Exp(-Math.Pow(k - size / 2, 2) / (2 * sigma * sigma))).ToArray();
        var total = g.Sum() * g.Sum();
        var (rows, columns) = ((int)x.shape[2] - size + 1, (int)x.shape[3] - size + 1);
        var sum = 0.0;
        for (var c = 0; c < x.shape[1]; c++)
        for (var r = 0; r < rows; r++)
        for (var q = 0; q < columns; q++)
        {
            var (mx, my, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (var i = 0; i < size; i++)
            for (var j = 0; j < size; j++)
            {
                var (a, b, w) = (x[0, c, r + i, q + j].item<double>(), y[0, c, r + i, q + j].item<double>(), g[i] * g[j] / total);
                (mx, my, xx, yy, xy) = (mx + w * a, my + w * b, xx + w * a * a, yy + w * b * b, xy + w * a * b);
            }
            var (c1, c2) = (1e-4, 9e-4);
            sum += (2 * mx * my + c1) * (2 * (xy - mx * my) + c2) / ((mx * mx + my * my + c1) * (xx - mx * mx + yy - my * my + c2));
        }
        return sum / (x.shape[1] * rows * columns);
    }
}
