using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Augmentations;

[TestClass]
public class AugmentationTests
{
    private static readonly PixelNormalization Normalization = new(new ImagePreprocessing());

    public static IEnumerable<object[]> EachOption() =>
        new Augmentation[]
        {
            new() { CropPadding = 0.25 },
            new() { CropPadding = 0.25, Fill = 200 },
            new() { ResizedCrop = new() },
            new()
            {
                ResizedCrop = new()
                {
                    MinArea = 0.5,
                    MaxArea = 0.7,
                    MaxAspect = 1,
                },
            },
            new() { HorizontalFlip = 0.5 },
            new() { VerticalFlip = 0.5 },
            new() { Affine = new() },
            new()
            {
                Affine = new()
                {
                    Degrees = 0,
                    Translation = 0.2,
                    MinScale = 0.5,
                    MaxScale = 2,
                    Shear = 20,
                },
            },
            new() { Policy = new TrivialAugment() },
            new()
            {
                Policy = new RandAugment { Operations = 3, Magnitude = 15 },
            },
            new() { ColorJitter = new() { Brightness = 0.4 } },
            new()
            {
                ColorJitter = new()
                {
                    Contrast = 0.4,
                    Saturation = 0.4,
                    Hue = 0.1,
                },
            },
            new() { Grayscale = 0.5 },
            new() { Blur = new() },
            new() { Erasing = new() },
            new() { MixupAlpha = 0.4 },
            new() { CutMixAlpha = 1 },
            new()
            {
                MixupAlpha = 0.4,
                CutMixAlpha = 1,
                MixingProbability = 0.5,
            },
            Augmentation.Light,
            Augmentation.Photo,
            Augmentation.TrivialAugment,
            Augmentation.RandAugment,
            Augmentation.Strong,
        }.Select(a => new object[] { a.ToString() });

    [TestMethod]
    [DynamicData(nameof(EachOption))]
    public void ChangesImagesAndDependsOnSeedEpochAndStepAlone(string text)
    {
        using var scope = NewDisposeScope();
        var augmentation = Augmentation.Parse(text);
        var images = randint(0, 256, [16, 3, 16, 20], ScalarType.Byte, generator: new Generator(1));
        var first = Run(augmentation, images, 7, 2, 3);
        manual_seed(99);
        rand(10);
        Assert.IsTrue(first.equal(Run(augmentation, images, 7, 2, 3)).all().item<bool>(), "the same again");
        Assert.IsTrue(first.isfinite().all().item<bool>());
        // A batch may be left as it is (nothing drawn); five in a row are not.
        var plain = Normalization.Apply(images);
        Assert.IsTrue(Enumerable.Range(0, 5).Any(step => !Run(augmentation, images, 7, 2, step).allclose(plain)), "images change");
        Assert.IsTrue(
            Enumerable.Range(0, 5).Any(i => !Run(augmentation, images, 8, 2, i).allclose(Run(augmentation, images, 7, 2, i))),
            "seed"
        );
        Assert.IsTrue(
            Enumerable.Range(0, 5).Any(i => !Run(augmentation, images, 7, 3, i).allclose(Run(augmentation, images, 7, 2, i))),
            "epoch"
        );
        Assert.IsTrue(Enumerable.Range(0, 5).Any(i => !Run(augmentation, images, 7, 2, i).allclose(first)), "step");
    }

    [TestMethod]
    [DynamicData(nameof(EachOption))]
    public void TextAndJsonGiveBackAnEqualObject(string text)
    {
        var augmentation = Augmentation.Parse(text);
        Assert.AreEqual(text, augmentation.ToString());
        Assert.AreEqual(augmentation, Augmentation.Parse(augmentation.ToJson()));
        Assert.AreEqual(augmentation.GetHashCode(), Augmentation.Parse(augmentation.ToJson()).GetHashCode());
    }

    [TestMethod]
    public void PresetsHaveNames()
    {
        Assert.AreEqual(Augmentation.Light, Augmentation.Parse("light"));
        Assert.AreEqual(Augmentation.TrivialAugment, Augmentation.Parse("TrivialAugment"));
        Assert.AreEqual(new Augmentation(), Augmentation.None);
        var error = Assert.ThrowsExactly<FormatException>(() => Augmentation.Parse("Heavy"));
        StringAssert.Contains(error.Message, "Light");
    }

    [TestMethod]
    public void OptionsOutOfRangeAndContradictionsAreRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Augmentation { HorizontalFlip = 1.01 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Augmentation { CropPadding = double.NaN });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Augmentation { Fill = 256 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Augmentation { MixupAlpha = -1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ColorJitter { Hue = 0.6 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new RandAugment { Magnitude = 31 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new RandomErasing { MinArea = 0 });
        Assert.ThrowsExactly<ArgumentException>(() => new Augmentation { CropPadding = 0.1, ResizedCrop = new() }.Validate());
        Assert.ThrowsExactly<ArgumentException>(() => new Augmentation { Blur = new() { MinSigma = 3 } }.Validate());
        Assert.ThrowsExactly<ArgumentException>(() => new Augmentation { Affine = new() { MinScale = 3 } }.Validate());
        Assert.ThrowsExactly<ArgumentException>(() => new Augmentation { Erasing = new() { MinArea = 0.5 } }.Validate());
        StringAssert.Contains(
            Assert.ThrowsExactly<FormatException>(() => Augmentation.Parse("Augmentation(flip: 1)")).Message,
            "horizontalFlip"
        );
    }

    [TestMethod]
    public void FlipsAndCropsHaveTheirShare()
    {
        var plan = AugmentationPlan.Sample(Augmentation.Light, 4000, 32, 32, 1, 0, 0);
        Assert.IsTrue(plan.Geometry.All(g => g.IsExact));
        Assert.AreEqual(0.5, plan.Geometry.Average(g => g.XX < 0 ? 1 : 0), 0.03);
        // Without the flip, offsets are -4 to 4, all of them equally often.
        var offsets = plan.Geometry.Select(g => (int)g.Y0).GroupBy(y => y).ToDictionary(g => g.Key, g => g.Count() / 4000.0);
        CollectionAssert.AreEquivalent(Enumerable.Range(-4, 9).ToArray(), offsets.Keys.ToArray());
        Assert.IsTrue(offsets.Values.All(share => Math.Abs(share - 1 / 9.0) < 0.02));
    }

    [TestMethod]
    public void PoliciesDrawEveryOperation()
    {
        foreach (AugmentationPolicy policy in new AugmentationPolicy[] { new TrivialAugment(), new RandAugment() })
        {
            var plan = AugmentationPlan.Sample(new() { Policy = policy }, 2000, 32, 32, 1, 0, 0);
            var colors = plan.Colors.SelectMany(step => step).GroupBy(o => o.Kind).ToDictionary(g => g.Key, g => g.Count());
            ColorKind[] expected =
            [
                ColorKind.None,
                ColorKind.Brightness,
                ColorKind.Saturation,
                ColorKind.Contrast,
                ColorKind.Sharpness,
                ColorKind.Posterize,
                ColorKind.Solarize,
                ColorKind.AutoContrast,
                ColorKind.Equalize,
            ];
            CollectionAssert.AreEquivalent(expected, colors.Keys.ToArray(), policy.ToString());
            Assert.IsTrue(plan.Geometry.Any(g => g.XY != 0 && g.YX == 0) && plan.Geometry.Any(g => g.XY == 0 && g.YX != 0), "shears");
            Assert.IsTrue(
                plan.Geometry.Any(g => g.XY != 0 && g.YX != 0) && plan.Geometry.Any(g => g.X0 != 0 && g.IsExact),
                "turns, shifts"
            );
        }
    }

    [TestMethod]
    public void MixingFollowsBetaAndItsProbability()
    {
        var mixed = Enumerable.Range(0, 3000).Select(step => Plan(new() { MixupAlpha = 0.2, MixingProbability = 0.6 }, step)).ToArray();
        Assert.AreEqual(0.6, mixed.Average(m => m is null ? 0 : 1), 0.03);
        var lambdas = mixed.OfType<MixingPlan>().Select(m => m.Lambda).ToArray();
        Assert.AreEqual(0.5, lambdas.Average(), 0.03);
        Assert.AreEqual(0.25 / 1.4, lambdas.Average(l => (l - 0.5) * (l - 0.5)), 0.01, "variance of Beta(a, a) is 1 / (4 (2 a + 1))");
        Assert.IsTrue(mixed.OfType<MixingPlan>().All(m => m.Box is null && m.Order.Order().SequenceEqual(Enumerable.Range(0, 4))));
        var both = Enumerable.Range(0, 1000).Select(step => Plan(new() { MixupAlpha = 1, CutMixAlpha = 1 }, step)!).ToArray();
        Assert.AreEqual(0.5, both.Average(m => m.Box is null ? 0 : 1), 0.05);

        static MixingPlan? Plan(Augmentation augmentation, int step) => AugmentationPlan.Sample(augmentation, 4, 8, 8, 1, 0, step).Mixing;
    }

    [TestMethod]
    public void BigImagesInPartsGiveWhatTheyGiveTogether()
    {
        using var scope = NewDisposeScope();
        var augmentation = Augmentation.TrivialAugment with
        {
            ColorJitter = new() { Contrast = 0.3, Hue = 0.1 },
        };
        var images = randint(0, 256, [5, 3, 300, 310], ScalarType.Byte, generator: new Generator(1));
        var plan = AugmentationPlan.Sample(augmentation, 5, 310, 300, 1, 0, 0);
        var together = BatchAugmentation.Apply(plan, images, Normalization);
        for (var i = 0; i < 5; i++)
        {
            var alone = plan with { Geometry = [plan.Geometry[i]], Colors = [.. plan.Colors.Select(step => new[] { step[i] })] };
            Assert.IsTrue(BatchAugmentation.Apply(alone, images.narrow(0, i, 1), Normalization)[0].allclose(together[i], 1e-5, 1e-5));
        }
    }

    [TestMethod]
    public void NoTensorIsLeftBehind()
    {
        var images = randint(0, 256, [8, 3, 16, 16], ScalarType.Byte).DetachFromDisposeScope();
        Run(
                Augmentation.Strong with
                {
                    Blur = new(),
                    ColorJitter = new() { Hue = 0.1 },
                },
                images,
                1,
                0,
                0
            )
            .Dispose();
        var before = LiveTensors.Settled();
        for (var step = 0; step < 10; step++)
            Run(
                    Augmentation.Strong with
                    {
                        Blur = new(),
                        ColorJitter = new() { Hue = 0.1 },
                    },
                    images,
                    1,
                    0,
                    step
                )
                .Dispose();
        Assert.AreEqual(before, Tensor.TotalCount);
        images.Dispose();
    }

    private static Tensor Run(Augmentation augmentation, Tensor images, long seed, int epoch, int step)
    {
        var (count, height, width) = ((int)images.shape[0], (int)images.shape[2], (int)images.shape[3]);
        var plan = AugmentationPlan.Sample(augmentation, count, width, height, seed, epoch, step);
        using var placed = empty_like(images);
        var size = (int)(images.numel() / count);
        for (var i = 0; i < count; i++)
            BatchAugmentation.Place(plan, i, images.bytes.Slice(i * size, size), placed.bytes.Slice(i * size, size));
        return BatchAugmentation.Apply(plan, placed, Normalization);
    }
}
