using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

[TestClass]
public class PixelLossTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    [TestMethod]
    [DataRow(0.9, 5L)]
    [DataRow(0.05, 17L)]
    [DataRow(0.3, 1000L)]
    public void HardPixelsAreThoseBelowTheThresholdOrTheLeast(double threshold, long kept)
    {
        var (x, y) = (Samples.Logits(1, 2, 3, 5, 6), Samples.Indices(1, 3, 2, 5, 6));
        y[1, 0, 0] = -100;
        var loss = new OnlineHardExampleMiningCrossEntropyLoss { Threshold = threshold, MinimumKept = kept };
        var p = nn.functional.softmax(x, 1).gather(1, y.clamp(min: 0).unsqueeze(1)).Numbers();
        var valid = Enumerable.Range(0, 60).Where(i => i != 30).ToArray();
        var below = valid.Where(i => p[i] < threshold).ToArray();
        var hard = below.Length >= kept ? below : [.. valid.OrderBy(i => p[i]).Take((int)kept)];
        Assert.AreEqual(hard.Average(i => -Math.Log(p[i])), loss.Compute(x, y).Number(), 1e-12);
    }

    [TestMethod]
    public void HardPixelsAreToldApartWhereProbabilitiesRoundToZero()
    {
        var x = tensor(new float[] { 500, 0, 400, 0, 300, 0 }).reshape(1, 3, 2).transpose(1, 2).contiguous();
        var loss = new OnlineHardExampleMiningCrossEntropyLoss { MinimumKept = 1, Threshold = 1e-300 };
        Assert.AreEqual(500, loss.Compute(x, ones([1, 3], ScalarType.Int64)).Number(), 1e-3);
    }

    [TestMethod]
    public void UnifiedFocalHasItsParts()
    {
        var (x, y) = (Samples.Logits(2, 2, 2, 5, 6), Samples.Indices(2, 2, 2, 5, 6));
        var plain = new UnifiedFocalLoss { Delta = 0.5, Gamma = 0 };
        Assert.AreEqual(new CrossEntropyLoss().Compute(x, y).Number() / 2, (plain with { Lambda = 1 }).Compute(x, y).Number(), 1e-12);
        Assert.AreEqual(
            new TverskyLoss
            {
                Alpha = 0.5,
                Beta = 0.5,
                Smooth = 1e-7,
            }
                .Compute(x, y)
                .Number(),
            (plain with { Lambda = 0 }).Compute(x, y).Number(),
            1e-12
        );
        var binary = x.narrow(1, 1, 1) - x.narrow(1, 0, 1);
        Assert.AreEqual(new UnifiedFocalLoss().Compute(x, y).Number(), new UnifiedFocalLoss().Compute(binary, y).Number(), 1e-12);
    }

    [TestMethod]
    public void ExponentialLogarithmicHasItsParts()
    {
        var (x, y) = (Samples.Logits(3, 1, 3, 5, 6), Samples.Indices(3, 3, 1, 5, 6));
        var loss = new ExponentialLogarithmicLoss
        {
            DiceGamma = 1,
            CrossEntropyGamma = 1,
            DiceWeight = 2,
            CrossEntropyWeight = 3,
        };
        var dice = new DiceLoss { Log = true, Smooth = 1 }
            .Compute(x, y)
            .Number();
        var crossEntropy = new CrossEntropyLoss().Compute(x, y).Number();
        Assert.AreEqual(2 * dice + 3 * crossEntropy, loss.Compute(x, y).Number(), 1e-12);
    }

    [TestMethod]
    public void LabelsAreRefusedWhereOnlyIndicesHaveAMeaning()
    {
        var (x, labels) = (Samples.Logits(4, 1, 3, 5, 6), Samples.Indices(4, 2, 1, 3, 5, 6));
        foreach (
            var loss in new SegmentationLoss[]
            {
                new UnifiedFocalLoss(),
                new ExponentialLogarithmicLoss(),
                new BoundaryWeightedCrossEntropyLoss(),
                new OnlineHardExampleMiningCrossEntropyLoss(),
            }
        )
            Assert.AreEqual("targets", Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(x, labels)).ParamName, loss.Name);
    }

    [TestMethod]
    public void CenterLinesAreServedInOneToThreeAxes()
    {
        var loss = new CenterlineDiceLoss { Iterations = 2 };
        var (x, y) = (Samples.Logits(5, 1, 2, 6, 7), Samples.Indices(5, 2, 1, 6, 7));
        Samples.AreSame(loss, (x, y), (x.unsqueeze(2), y.unsqueeze(1)));
        Samples.AreSame(loss, (x.narrow(2, 0, 1), y.narrow(1, 0, 1)), (x.select(2, 0), y.select(1, 0)));
        var (volume, target) = (Samples.Logits(6, 1, 2, 4, 5, 6), Samples.Indices(6, 2, 1, 4, 5, 6));
        Assert.AreEqual(
            loss.Compute(volume, target).Number(),
            loss.Compute(volume.permute(0, 1, 4, 2, 3), target.permute(0, 3, 1, 2)).Number(),
            1e-12
        );
        var error = Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(ones(1, 2), zeros([1], ScalarType.Int64)));
        Assert.AreEqual("logits", error.ParamName);
    }

    [TestMethod]
    public void TheSkeletonOfABarIsItsMiddle()
    {
        var bar = zeros([1, 1, 9, 12], ScalarType.Float64);
        bar[0, 0, 3..6, ..] = 1.0;
        var skeleton = SoftSkeleton.Of(bar, 3)[0, 0];
        Assert.AreEqual(12, skeleton[4].sum().Number());
        Assert.AreEqual(12, skeleton.sum().Number());
    }

    public static IEnumerable<object[]> LossesWithSums =>
        from text in new[]
        {
            "CrossEntropy(ignoreIndex: 255)",
            "CrossEntropy(classWeights: [1, 3], ignoreIndex: 255)",
            "OnlineHardExampleMiningCrossEntropy(threshold: 0.2, minimumKept: 60, ignoreIndex: 255)",
            "OnlineHardExampleMiningCrossEntropy(threshold: 0.9, minimumKept: 10, classWeights: [1, 3], ignoreIndex: 255)",
            "OnlineHardExampleMiningCrossEntropy(minimumKept: 1000, ignoreIndex: 255)",
            "BoundaryWeightedCrossEntropy(ignoreIndex: 255)",
            "BoundaryWeightedCrossEntropy(classWeights: [0, 3], ignoreIndex: 255)",
            "BoundaryWeightedCrossEntropy(borderWeight: 0, classWeights: [2, 3], ignoreIndex: 255)",
            "Masked(inner: CrossEntropy(classWeights: [1, 3]))",
        }
        from classes in new[] { 1, 2 }
        select new object[] { text, classes };

    [TestMethod]
    [DynamicData(nameof(LossesWithSums))]
    public void SumsOfPixelsAreThoseOfTheirTerms(string text, int classes)
    {
        using var scope = NewDisposeScope();
        using var function = Loss.Parse(text).Build();
        var y = Samples.Indices(4, 2, 2, 12, 9);
        if (text.Contains("255", StringComparison.Ordinal))
            y[0, TensorIndex.Slice(stop: 3)] = 255;
        (double, double[]) Run(Func<LossInputs, Tensor> evaluate)
        {
            var leaf = Samples.Logits(5, 2, classes, 12, 9).requires_grad_();
            var value = evaluate(
                new()
                {
                    ["logits"] = leaf,
                    ["targets"] = y,
                    ["mask"] = Samples.Indices(6, 2, 2, 12, 9),
                }
            );
            value.backward();
            return (value.Number(), leaf.grad!.Numbers());
        }
        foreach (var reduction in new[] { Reduction.Mean, Reduction.Sum })
        {
            var (value, gradient) = Run(inputs => function.Evaluate(inputs, reduction));
            var (expected, slopes) = Run(inputs =>
                LossReducer.Reduce(function.Definition, function.EvaluateUnreduced(inputs), reduction, null)
            );
            Assert.AreEqual(expected, value, 1e-10 * Math.Abs(expected));
            Samples.AreClose(slopes, gradient, 1e-12, "gradient");
        }
    }

    [TestMethod]
    public void ManyPixelsOfOneLogitAreThoseOfLabelsInItsType()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var logits = randn(3, 1, 701, 503); // more than a million, in parts of unequal length
        var indices = randint(2, [3, 701, 503], ScalarType.Int64);
        foreach (
            var loss in new[]
            {
                new BinaryCrossEntropyLoss(),
                new BinaryCrossEntropyLoss { LabelSmoothing = 0.2 },
            }
        )
        {
            var (x, y) = (logits.clone().requires_grad_(), logits.clone().requires_grad_());
            var (actual, expected) = (loss.Compute(x, indices), loss.Compute(y, indices.unsqueeze(1).to(float32)));
            actual.backward();
            expected.backward();
            Assert.AreEqual(expected.item<float>(), actual.item<float>(), 1e-6f, $"{loss}");
            Assert.IsTrue(x.grad!.allclose(y.grad!, 1e-6, 1e-12), $"{loss}: gradient");
        }
    }
}
