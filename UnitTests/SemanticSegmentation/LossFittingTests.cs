using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>What is ignored and what classes weigh reaches every part of a loss; maps are made ahead.</summary>
[TestClass]
public class LossFittingTests
{
    [TestMethod]
    [DataRow("CrossEntropy() + 0.5 * Dice()", "CrossEntropy(ignoreIndex: 255) + 0.5 * Dice(ignoreIndex: 255)")]
    [DataRow("CrossEntropy(ignoreIndex: 11)", "CrossEntropy(ignoreIndex: 255)")]
    [DataRow(
        "DeepSupervision(inner: CrossEntropy() + Lovasz())",
        "DeepSupervision(inner: CrossEntropy(ignoreIndex: 255) + Lovasz(ignoreIndex: 255))"
    )]
    [DataRow("SuperClassification(inner: Focal())", "SuperClassification(inner: Focal(ignoreIndex: 255))")]
    [DataRow("ClassBalanced()", "ClassBalanced(inner: CrossEntropy(ignoreIndex: 255))")]
    public void TheIgnoredIndexReachesEveryPart(string loss, string expected) =>
        Assert.AreEqual(
            Loss.Parse<SegmentationLoss>(expected),
            SegmentationLosses.Ignoring(Loss.Parse<SegmentationLoss>(loss), ignoreIndex: 11)
        );

    [TestMethod]
    public void ScalesThatADeepSupervisionDoesNotWeighCountNothingForIt() =>
        Assert.AreEqual(
            Loss.Parse<SegmentationLoss>("DeepSupervision(inner: Dice(), weights: [1, 0, 0]) + DeepSupervision(inner: Lovasz())"),
            SegmentationLosses.WeighingScales(
                Loss.Parse<SegmentationLoss>("DeepSupervision(inner: Dice(), weights: [1]) + DeepSupervision(inner: Lovasz())"),
                scales: 3
            )
        );

    [TestMethod]
    public void ALossThatIgnoresAnotherIndexThanTheTrainerIsRefused()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            Segmenting
                .Context()
                .ImageSegmentation.Trainers.SemanticSegmentation(
                    new()
                    {
                        Loss = new DiceLoss { IgnoreIndex = 7 },
                        IgnoreIndex = 11,
                    }
                )
        );
        StringAssert.Contains(error.Message, "Dice ignores 7");
    }

    [TestMethod]
    [DataRow("CrossEntropy() + Dice()", "CrossEntropy(classWeights: [1, 2]) + Dice(classWeights: [1, 2])", "CrossEntropy, Dice")]
    [DataRow("CrossEntropy(classWeights: [3, 1]) + Dice()", "CrossEntropy(classWeights: [3, 1]) + Dice(classWeights: [1, 2])", "Dice")]
    [DataRow("Dice(poolClasses: true)", "Dice(poolClasses: true)", "")]
    [DataRow("ClassBalanced()", "ClassBalanced()", "")]
    public void ClassWeightsReachThePartsThatTakeThem(string loss, string expected, string names)
    {
        var weighed = SegmentationLosses.Weighing(Loss.Parse<SegmentationLoss>(loss), [1, 2], out var parts);
        Assert.AreEqual(Loss.Parse<SegmentationLoss>(expected), weighed);
        Assert.AreEqual(names, string.Join(", ", parts));
    }

    [TestMethod]
    public void IgnoredPixelsChangeNothing()
    {
        var rows = DrawnShapes.Rows(8);
        // Two masks that differ only where they are ignored.
        var (one, two) = (new List<DrawnShapes.Row>(), new List<DrawnShapes.Row>());
        foreach (var row in rows)
        {
            var indices = row.Mask.Values.ToArray();
            one.Add(
                new()
                {
                    ImagePath = row.ImagePath,
                    Mask = SegmentationMask.OfIndices(24, 24, [.. indices.Select(i => i == 2 ? (byte)11 : i)]),
                }
            );
            two.Add(
                new()
                {
                    ImagePath = row.ImagePath,
                    Mask = SegmentationMask.OfIndices(24, 24, [.. indices.Select(i => i == 2 ? SegmentationMask.Ignored : i)]),
                }
            );
        }
        var options = Segmenting.Small(o =>
            (o.IgnoreIndex, o.Loss, o.ValidationSetFraction) = (11, (SegmentationLoss)new CrossEntropyLoss() + new DiceLoss(), 0.5)
        );
        var context = Segmenting.Context();
        using var a = Segmenting.Fit(context.Data.LoadFromEnumerable(one), options);
        using var b = Segmenting.Fit(context.Data.LoadFromEnumerable(two), options);
        CollectionAssert.AreEqual(Segmenting.Weights(a), Segmenting.Weights(b));
        Assert.AreEqual(2, a.Classes.Count);
        CollectionAssert.AreEqual(a.Summary.BestMetrics!.Values.Values.ToArray(), b.Summary.BestMetrics!.Values.Values.ToArray());
    }

    [TestMethod]
    public void BalancedWeightsCountPixels()
    {
        var context = Segmenting.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        var rows = Enumerable
            .Range(0, 4)
            .Select(i => new DrawnShapes.Row
            {
                ImagePath = DrawnShapes.Draw(i).Image,
                Mask = SegmentationMask.OfIndices(24, 24, [.. Enumerable.Range(0, 576).Select(p => (byte)(p < 144 ? 1 : 0))]),
            });
        Segmenting.Fit(context.Data.LoadFromEnumerable(rows), Segmenting.Small(o => o.ClassWeights = "balanced"), context).Dispose();
        // n / (C n_c): 1 / (2 * 0.75) and 1 / (2 * 0.25).
        StringAssert.Contains(string.Join('\n', log), "Class weights of CrossEntropy: class 0 0.667, class 1 2.");
    }

    [TestMethod]
    public void MapsOfDistancesComeReadyAndAreThoseOfTheTargets()
    {
        using var scope = NewDisposeScope();
        using var store = new MaskedImageStore(
            new()
            {
                Width = 24,
                Height = 24,
                Resize = ResizeRule.Stretch,
            },
            ownSize: false,
            null,
            1 << 24
        );
        foreach (var (i, row) in DrawnShapes.Rows(6).Index())
            store.Add(new(i, Encoded: row.ImagePath), row.Mask, null);
        store.Scan(1, decodeImages: false, default);
        var loss = new BoundaryLoss { IgnoreIndex = SegmentationMask.Ignored };
        var maps = SegmentationLosses.Maps((SegmentationLoss)new CrossEntropyLoss() + loss, 3, labels: false);
        Assert.AreEqual("distanceMaps", maps.Single().Name);
        var made = 0;
        TargetMap counted = new(
            maps[0].Name,
            targets =>
            {
                Interlocked.Increment(ref made);
                return maps[0].Make(targets);
            }
        );
        using var loader = new SegmentationLoader(
            store,
            [.. Enumerable.Range(0, 6)],
            (24, 24),
            0,
            SegmentationMask.Ignored,
            [counted],
            new()
            {
                BatchSize = 3,
                Readers = 1,
                Augmentation = new() { HorizontalFlip = 0.5, VerticalFlip = 0.5 },
            }
        );
        for (var epoch = 0; epoch < 3; epoch++)
            foreach (var batch in loader.Read(epoch, default))
                using (batch)
                {
                    var expected = loss.DistanceMaps(batch.Targets["targets"], 3);
                    Assert.AreEqual(0f, (batch.Targets["distanceMaps"] - expected).abs().max().item<float>());
                }
        Assert.AreEqual(6, made, "Whole and mirrored images have the map of the first time.");
    }

    [TestMethod]
    [DataRow("Boundary() + HausdorffDistance()", 0)]
    [DataRow("Boundary() + DeepSupervision(inner: HausdorffDistance())", 0)]
    [DataRow("Boundary() + DeepSupervision(inner: CrossEntropy() + Boundary())", 1)]
    public void LossesThatReadDifferentMapsMakeTheirOwn(string loss, int maps) =>
        Assert.HasCount(maps, SegmentationLosses.Maps(Loss.Parse<SegmentationLoss>(loss), 3, labels: false));
}
