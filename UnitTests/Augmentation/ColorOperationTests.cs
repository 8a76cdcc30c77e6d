using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Augmentations;

[TestClass]
public class ColorOperationTests
{
    [TestMethod]
    public void EveryKindChangesOnlyItsOwnImagesAndStaysInRange()
    {
        using var scope = NewDisposeScope();
        foreach (var kind in Enum.GetValues<ColorKind>().Where(k => k != ColorKind.None))
        foreach (var channels in new[] { 1, 3 })
        {
            var images = Images(4, channels);
            var amount =
                kind is ColorKind.Posterize ? 3
                : kind is ColorKind.Solarize ? 100
                : kind is ColorKind.Hue ? 0.2
                : 1.7;
            var before = images.clone();
            var mixed = ColorOperations.Apply(images, [default, new(kind, amount), default, new(kind, amount)]);
            Assert.IsTrue(mixed[0].equal(before[0]).all().item<bool>() && mixed[2].equal(before[2]).all().item<bool>(), $"{kind}");
            var together = ColorOperations.Apply(before.clone(), [.. Enumerable.Repeat(new ColorOperation(kind, amount), 4)]);
            Assert.IsTrue(mixed[1].allclose(together[1]) && mixed[3].allclose(together[3]), $"{kind}: alone and among others alike");
            Assert.IsTrue(together.min().item<float>() >= -1e-3 && together.max().item<float>() <= 255.001, $"{kind}");
            var changes = channels == 3 || kind is not (ColorKind.Saturation or ColorKind.Hue or ColorKind.Grayscale);
            Assert.AreEqual(changes, !together[1].allclose(before[1]), $"{kind} of {channels} channel(s)");
        }
    }

    [TestMethod]
    public void FactorOneChangesNothing()
    {
        using var scope = NewDisposeScope();
        foreach (var kind in new[] { ColorKind.Brightness, ColorKind.Contrast, ColorKind.Saturation, ColorKind.Sharpness })
            Assert.IsTrue(One(Images(1, 3), kind, 1).allclose(Images(1, 3), 1e-4, 1e-3), kind.ToString());
        Assert.IsTrue(One(Images(1, 3), ColorKind.Hue, 0).allclose(Images(1, 3), 1e-4, 1e-2));
        Assert.IsTrue(One(Images(1, 3), ColorKind.Hue, 1).allclose(Images(1, 3), 1e-4, 1e-2), "a whole turn");
        Assert.IsTrue(One(Images(1, 3), ColorKind.Posterize, 8).equal(Images(1, 3)).all().item<bool>());
        Assert.IsTrue(One(Images(1, 3), ColorKind.Solarize, 256).equal(Images(1, 3)).all().item<bool>());
    }

    [TestMethod]
    public void ValuesAreThoseOfTheDefinition()
    {
        using var scope = NewDisposeScope();
        Assert.AreEqual((150f, 75f, 0f), Pixel(ColorKind.Brightness, 1.5, (100, 50, 0)));
        var luma = 0.299f * 100 + 0.587f * 50;
        Near((luma / 2 + 50, luma / 2 + 25, luma / 2), Pixel(ColorKind.Saturation, 0.5, (100, 50, 0)));
        Near((luma, luma, luma), Pixel(ColorKind.Grayscale, 0, (100, 50, 0)));
        Near((0, 100, 50), Pixel(ColorKind.Hue, 1 / 3.0, (100, 50, 0)));
        Near((50, 100, 0), Pixel(ColorKind.Hue, 1 / 6.0, (100, 50, 0)), "orange (30 degrees) becomes 90 degrees");
        Assert.AreEqual((96f, 32f, 0f), Pixel(ColorKind.Posterize, 3, (100, 50, 1)));
        Assert.AreEqual((155f, 50f, 0f), Pixel(ColorKind.Solarize, 100, (100, 50, 0)));
        var ramp = tensor(new float[] { 50, 60, 70, 100 }).view(1, 1, 2, 2);
        Assert.IsTrue(One(ramp, ColorKind.AutoContrast, 0).allclose(tensor(new float[] { 0, 51, 102, 255 }).view(1, 1, 2, 2), 1e-5, 1e-3));
        Assert.IsTrue(One(ramp, ColorKind.Contrast, 0).allclose(full_like(ramp, 70)));
    }

    [TestMethod]
    public void EqualizeMatchesADirectComputation()
    {
        using var scope = NewDisposeScope();
        var images = Images(3, 3);
        images[0, 1].fill_(42); // one level only: left alone
        var actual = ColorOperations.Apply(images.clone(), [.. Enumerable.Repeat(new ColorOperation(ColorKind.Equalize, 0), 3)]);
        for (var n = 0; n < 3; n++)
        for (var c = 0; c < 3; c++)
        {
            var values = images[n, c].contiguous().data<float>().ToArray();
            var histogram = new int[256];
            foreach (var v in values)
                histogram[(int)v]++;
            var step = (values.Length - histogram[histogram.ToList().FindLastIndex(h => h > 0)]) / 255;
            var expected = values.Select(v =>
                step == 0 ? v
                : (int)v == 0 ? 0
                : Math.Min(255, (histogram.Take((int)v).Sum() + step / 2) / step)
            );
            CollectionAssert.AreEqual(expected.Select(v => (float)v).ToArray(), actual[n, c].contiguous().data<float>().ToArray());
        }
    }

    [TestMethod]
    public void SharpnessZeroSmoothsTheInsideAndLeavesTheBorder()
    {
        using var scope = NewDisposeScope();
        var image = zeros(1, 1, 5, 5);
        image[0, 0, 2, 2] = 130;
        image[0, 0, 0, 0] = 99;
        var smooth = One(image, ColorKind.Sharpness, 0);
        Assert.AreEqual(50f, smooth[0, 0, 2, 2].item<float>(), 1e-3);
        Assert.AreEqual(10f, smooth[0, 0, 1, 2].item<float>(), 1e-3);
        Assert.AreEqual(99f, smooth[0, 0, 0, 0].item<float>(), 1e-3);
    }

    [TestMethod]
    public void BlurKeepsTheMeanAndSpreadsAPointByItsSigma()
    {
        using var scope = NewDisposeScope();
        var image = zeros(2, 1, 41, 41);
        image.narrow(2, 20, 1).narrow(3, 20, 1).fill_(200);
        var blurred = ColorOperations.Apply(image, [new(ColorKind.Blur, 1), new(ColorKind.Blur, 2)]);
        foreach (var (n, sigma) in new[] { (0, 1.0), (1, 2.0) })
        {
            Assert.AreEqual(200, blurred[n].sum().item<float>(), 0.1);
            var across = blurred[n, 0].sum(dim: 0);
            var distance = (arange(41) - 20).to(ScalarType.Float32).pow(2);
            Assert.AreEqual(sigma, Math.Sqrt((across * distance).sum().item<float>() / 200), 0.03);
        }
    }

    private static Tensor Images(int count, int channels) =>
        randint(20, 220, [count, channels, 24, 20], ScalarType.Float32, generator: new Generator(5));

    private static Tensor One(Tensor image, ColorKind kind, double amount) => ColorOperations.Apply(image.clone(), [new(kind, amount)]);

    private static (float, float, float) Pixel(ColorKind kind, double amount, (int R, int G, int B) color)
    {
        var image = tensor(new float[] { color.R, color.G, color.B }).view(1, 3, 1, 1);
        var result = One(image, kind, amount).data<float>().ToArray();
        return (result[0], result[1], result[2]);
    }

    private static void Near((float R, float G, float B) expected, (float R, float G, float B) actual, string? what = null) =>
        Assert.IsTrue(
            Math.Abs(expected.R - actual.R) + Math.Abs(expected.G - actual.G) + Math.Abs(expected.B - actual.B) < 0.01,
            $"expected {expected}, got {actual} {what}"
        );
}
