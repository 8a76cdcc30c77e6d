using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

[TestClass]
public class WrapperTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    public static IEnumerable<object[]> Maskable =>
        from info in LossCatalog.For<SegmentationLoss>()
        where info.Family == "Segmentation" && info.Type != typeof(MaskedLoss) && info.Type != typeof(DeepSupervisionLoss)
        select new object[] { info.Name };

    [TestMethod]
    [DynamicData(nameof(Maskable))]
    public void PixelsOutsideTheMaskCountNowhere(string name)
    {
        var inner = Loss.Parse<SegmentationLoss>($"{name}()");
        var (x, y) = (Samples.Logits(1, 2, 3, 6, 5), Samples.Indices(1, 3, 2, 6, 5));
        var mask = Samples.Indices(2, 2, 2, 6, 5);
        var leaf = x.clone().requires_grad_();
        var value = new MaskedLoss { Inner = inner }.Compute(
            new LossInputs
            {
                ["logits"] = leaf,
                ["targets"] = y,
                ["mask"] = mask,
            }
        );
        value.backward();
        var outside = mask.eq(0).unsqueeze(1).expand(x.shape);
        Assert.AreEqual(0, leaf.grad!.masked_select(outside).abs().max().Number());
        Assert.AreEqual(inner.Compute(x, y.masked_fill(mask.eq(0), -100)).Number(), value.Number(), 1e-12);
        var changed = where(outside, x * -7, x);
        var again = new MaskedLoss { Inner = inner }.Compute(
            new LossInputs
            {
                ["logits"] = changed,
                ["targets"] = y,
                ["mask"] = mask,
            }
        );
        Assert.AreEqual(value.Number(), again.Number(), 1e-12);
    }

    [TestMethod]
    public void MasksReachEveryTermOfASumAndEveryChannelOfLabels()
    {
        var (x, y) = (Samples.Logits(3, 2, 3, 6, 5), Samples.Indices(3, 2, 2, 3, 6, 5));
        var mask = Samples.Indices(4, 2, 2, 6, 5);
        var sum = new DiceLoss() + new JaccardLoss();
        var removed = y.masked_fill(mask.eq(0).unsqueeze(1), -100);
        foreach (var (targets, inside) in new[] { (y, mask), (y.to(ScalarType.Byte), mask.to(ScalarType.Bool)), (y, mask.unsqueeze(1)) })
        {
            var value = new MaskedLoss { Inner = sum }.Compute(
                new LossInputs
                {
                    ["logits"] = x,
                    ["targets"] = targets,
                    ["mask"] = inside,
                }
            );
            Assert.AreEqual(sum.Compute(x, removed).Number(), value.Number(), 1e-12);
        }
    }

    [TestMethod]
    public void MasksThatCannotApplyAreRefused()
    {
        var (x, y) = (Samples.Logits(3, 2, 3, 6, 5), Samples.Indices(3, 3, 2, 6, 5));
        var two = new MaskedLoss { Inner = new DiceLoss { IgnoreIndex = 255 } + new JaccardLoss() };
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => two.Build()).Message, "one and the same IgnoreIndex");
        var wrong = new LossInputs
        {
            ["logits"] = x,
            ["targets"] = y,
            ["mask"] = ones(2, 6, 4),
        };
        Assert.AreEqual(
            "mask",
            Assert.ThrowsExactly<ArgumentException>(() => new MaskedLoss { Inner = new DiceLoss() }.Compute(wrong)).ParamName
        );
    }

    [TestMethod]
    public void TargetsAreResizedByTheNearestPixel()
    {
        var y = Samples.Indices(5, 3, 2, 7, 9);
        var small = Samples.Logits(5, 2, 3, 3, 4);
        var expected = zeros([2, 3, 4], ScalarType.Int64);
        for (var i = 0; i < 3; i++)
        for (var j = 0; j < 4; j++)
            expected[.., i, j] = y[.., (int)Math.Floor((i + 0.5) * 7 / 3), (int)Math.Floor((j + 0.5) * 9 / 4)];
        var full = Samples.Logits(6, 2, 3, 7, 9);
        var loss = new DeepSupervisionLoss { Inner = new DiceLoss(), Weights = [0, 1] };
        var value = loss.Compute(
            new LossInputs
            {
                ["logits0"] = full,
                ["logits1"] = small,
                ["targets"] = y,
            }
        );
        Assert.AreEqual(new DiceLoss().Compute(small, expected).Number(), value.Number(), 1e-12);
    }

    [TestMethod]
    public void MapsOfTheFinestSizeAreForOutputsOfThatSize()
    {
        var (inner, targets) = (new BoundaryLoss(), Samples.Indices(5, 3, 2, 8, 8));
        var inputs = new LossInputs
        {
            ["logits0"] = Samples.Logits(6, 2, 3, 8, 8),
            ["logits1"] = Samples.Logits(5, 2, 3, 4, 4),
            ["targets"] = targets,
        };
        var loss = new DeepSupervisionLoss { Inner = inner };
        Assert.AreEqual(
            loss.Compute(inputs).Number(),
            loss.Compute(inputs.With(("distanceMaps", inner.DistanceMaps(targets, 3)))).Number(),
            1e-6
        );
    }

    [TestMethod]
    public void LabelsMasksAndVolumesAreResizedToo()
    {
        var labels = Samples.Indices(7, 2, 1, 2, 4, 4, 4);
        var (full, half) = (Samples.Logits(7, 1, 2, 4, 4, 4), Samples.Logits(8, 1, 2, 2, 2, 2));
        var mask = Samples.Indices(8, 2, 1, 4, 4, 4);
        var inner = new MaskedLoss { Inner = new DiceLoss() };
        var value = new DeepSupervisionLoss { Inner = inner, Weights = [0, 2] }.Compute(
            new LossInputs
            {
                ["logits0"] = full,
                ["logits1"] = half,
                ["targets"] = labels,
                ["mask"] = mask,
            }
        );
        Tensor Picked(Tensor tensor)
        {
            for (var axis = tensor.dim() - 3; axis < tensor.dim(); axis++)
                tensor = tensor.index_select(axis, torch.tensor(new long[] { 1, 3 }));
            return tensor;
        }
        var expected = inner.Compute(
            new LossInputs
            {
                ["logits"] = half,
                ["targets"] = Picked(labels),
                ["mask"] = Picked(mask),
            }
        );
        Assert.AreEqual(2 * expected.Number(), value.Number(), 1e-12);
    }

    [TestMethod]
    public void ScalesThatDoNotFitAreRefused()
    {
        var (x, y) = (Samples.Logits(9, 2, 3, 4, 4), Samples.Indices(9, 3, 2, 4, 4));
        var loss = new DeepSupervisionLoss { Inner = new DiceLoss(), Weights = [1] };
        var two = new LossInputs
        {
            ["logits0"] = x,
            ["logits1"] = x,
            ["targets"] = y,
        };
        Assert.AreEqual("Weights", Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(two)).ParamName);
        var other = two.With(("logits1", x.narrow(1, 0, 2)));
        Assert.AreEqual("logits", Assert.ThrowsExactly<ArgumentException>(() => (loss with { Weights = null }).Compute(other)).ParamName);
    }

    [TestMethod]
    public void PresetsAreSums()
    {
        var (x, y) = (Samples.Logits(10, 2, 3, 6, 6), Samples.Indices(10, 3, 2, 6, 6));
        Assert.AreEqual("CrossEntropy() + Dice()", SegmentationPresets.DiceCrossEntropy().ToString());
        foreach (
            var preset in new[]
            {
                SegmentationPresets.DiceCrossEntropy(255),
                SegmentationPresets.DiceFocal(3, 255),
                SegmentationPresets.DiceCenterline(255),
                SegmentationPresets.DiceBoundary(epochs: 20),
            }
        )
        {
            Assert.AreEqual(preset, Loss.Parse(preset.ToString()));
            Assert.IsTrue(double.IsFinite(preset.Compute(x, y).Number()));
        }
    }
}
