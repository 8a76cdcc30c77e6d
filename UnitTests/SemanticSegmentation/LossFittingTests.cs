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
    [DataRow("CrossEntropy() + Dice() + Boundary()", "CrossEntropy(classWeights: [1, 2]) + Dice() + Boundary()", "CrossEntropy", 1)]
    [DataRow("DeepSupervision(inner: Focal())", "DeepSupervision(inner: Focal(classWeights: [1, 2]))", "Focal", 1)]
    public void ClassWeightsReachThePartsThatTakeThem(string loss, string expected, string names, int outputs = 2)
    {
        var weighed = SegmentationLosses.Weighing(Loss.Parse<SegmentationLoss>(loss), [1, 2], outputs, out var parts);
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

    /// <summary>Images of which the upper quarter is class 1.</summary>
    private static IEnumerable<DrawnShapes.Row> QuarterForeground(Func<byte[], SegmentationMask> mask) =>
        Enumerable
            .Range(0, 4)
            .Select(i => new DrawnShapes.Row
            {
                ImagePath = DrawnShapes.Draw(i).Image,
                Mask = mask([.. Enumerable.Range(0, 576).Select(p => (byte)(p < 144 ? 1 : 0))]),
            });

    private static SegmentationMask Indices(byte[] indices) => SegmentationMask.OfIndices(24, 24, indices);

    [TestMethod]
    [DataRow(SegmentationMode.Multiclass)]
    [DataRow(SegmentationMode.Binary)]
    public void BalancedWeightsCountPixels(SegmentationMode mode)
    {
        var context = Segmenting.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        var data = context.Data.LoadFromEnumerable(QuarterForeground(Indices));
        Segmenting.Fit(data, Segmenting.Small(o => (o.Mode, o.ClassWeights) = (mode, "balanced")), context).Dispose();
        // n / (C n_c): 1 / (2 * 0.75) and 1 / (2 * 0.25).
        StringAssert.Contains(string.Join('\n', log), "Class weights of CrossEntropy: class 0 0.667, class 1 2.");
    }

    [TestMethod]
    public void BalancedWeightsOfLayersCountTheirPixels()
    {
        var context = Segmenting.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        // A quarter of the pixels in the first layer, all in the second.
        var data = context.Data.LoadFromEnumerable(
            QuarterForeground(quarter => SegmentationMask.OfLayers(24, 24, 2, [.. quarter, .. Enumerable.Repeat((byte)1, 576)]))
        );
        var options = Segmenting.Small(o => (o.Loss, o.ClassWeights) = (new BinaryCrossEntropyLoss(), "balanced"));
        Segmenting.Fit(data, options, context).Dispose();
        StringAssert.Contains(string.Join('\n', log), "Class weights of BinaryCrossEntropy: class 0 2.5, class 1 0.625.");
    }

    [TestMethod]
    [DataRow("BinaryCrossEntropy")]
    [DataRow("Focal")]
    [DataRow("OnlineHardExampleMiningCrossEntropy")]
    public void OneOutputIsTrainedWithWeightsOfBothClasses(string loss)
    {
        var data = new MLContext(1).Data.LoadFromEnumerable(QuarterForeground(Indices));
        byte[] Trained(string text, ClassWeights? weights) =>
            Segmenting.Weights(
                data,
                Segmenting.Small(o =>
                    (o.Mode, o.Loss, o.ClassWeights) = (SegmentationMode.Binary, Loss.Parse<SegmentationLoss>(text), weights)
                )
            );
        // 3 * 0.75 + 7 * 0.25 = 4 is the mean over the pixels.
        var given = Trained($"{loss}()", ClassWeights.Of(3, 7));
        CollectionAssert.AreEqual(Trained($"{loss}(classWeights: [0.75, 1.75])", null), given);
        CollectionAssert.AreNotEqual(Trained($"{loss}()", null), given);
    }

    [TestMethod]
    public void OneRegionHasNoWeightsOfClasses()
    {
        var data = new MLContext(1).Data.LoadFromEnumerable(QuarterForeground(Indices));
        var options = Segmenting.Small(o => (o.Mode, o.Loss, o.ClassWeights) = (SegmentationMode.Binary, new DiceLoss(), "balanced"));
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Segmenting.Fit(data, options)).Message,
            "no part of Dice() takes class weights of one output"
        );
    }

    [TestMethod]
    public void ADeepSupervisionWithinWhatCannotServeItIsRefusedWithTheOptions()
    {
        var deep = new DeepSupervisionLoss { Inner = new CrossEntropyLoss() };
        Refused(new DeepSupervisionLoss { Inner = deep }, "DeepSupervision: Inner compares outputs at several scales itself");
        Refused(
            new DiceLoss() + new DeepSupervisionLoss { Inner = new DiceLoss() + deep },
            "DeepSupervision: Inner compares outputs at several scales itself"
        );
        Refused(new MaskedLoss { Inner = deep }, "needs the input 'mask'");

        static void Refused(SegmentationLoss loss, string reason) =>
            StringAssert.Contains(
                Assert
                    .ThrowsExactly<ArgumentException>(() =>
                        Segmenting.Context().ImageSegmentation.Trainers.SemanticSegmentation(Segmenting.Small(o => o.Loss = loss))
                    )
                    .Message,
                reason
            );
    }

    [TestMethod]
    [DataRow(SegmentationArchitecture.UNet, "[1, 0.5]", 2)]
    [DataRow(SegmentationArchitecture.UNet, "[1, 0.5, 0, 0, 0, 0]", 2)]
    [DataRow(SegmentationArchitecture.UNet, "[1, 0.5, 0.25, 0.1]", 0)]
    [DataRow(SegmentationArchitecture.FPN, "[1, 0.5]", 2)]
    [DataRow(SegmentationArchitecture.FPN, "[1, 0.5, 0.25]", 0)]
    [DataRow(SegmentationArchitecture.FPN, null, 2)]
    public void WeightsOfScalesThatTheNetworkHasNotAreRefused(SegmentationArchitecture architecture, string? weights, int scales)
    {
        var context = Segmenting.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        var loss = $"DeepSupervision(inner: Dice(){(weights is null ? "" : $", weights: {weights}")})";
        var options = Segmenting.Small(o => (o.Architecture, o.Loss) = (architecture, Loss.Parse<SegmentationLoss>(loss)));
        if (scales == 0)
        {
            var message = Assert.ThrowsExactly<ArgumentException>(() => Segmenting.Fit(DrawnShapes.Data(4), options, context)).Message;
            StringAssert.Contains(message, $"{architecture} on ResNet20Cifar");
            return;
        }
        Segmenting.Fit(DrawnShapes.Data(4), options, context).Dispose();
        StringAssert.Contains(string.Join('\n', log), $"Outputs are compared at {scales} scales.");
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
        Assert.AreEqual(loss.MapName, maps.Single().Name);
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
                    Assert.AreEqual(0f, (batch.Targets[loss.MapName] - expected).abs().max().item<float>());
                }
        Assert.AreEqual(6, made, "Whole and mirrored images have the map of the first time.");
    }

    [TestMethod]
    [DataRow("Boundary() + HausdorffDistance() + 2 * Boundary(includeBackground: true)", 3)]
    [DataRow("Boundary() + 2 * Boundary(spacing: [2, 1]) + HausdorffDistance(alpha: 1)", 3)]
    [DataRow("HausdorffDistance() + HausdorffDistance(alpha: 1)", 1)]
    [DataRow("Boundary() + DeepSupervision(inner: HausdorffDistance())", 2)]
    [DataRow("Boundary() + DeepSupervision(inner: CrossEntropy() + Boundary())", 1)]
    [DataRow("BoundaryWeightedCrossEntropy() + BoundaryWeightedCrossEntropy(sigma: 2)", 2)]
    public void EveryLossReadsTheMapsOfItsKind(string text, int kinds)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<SegmentationLoss>(text);
        var maps = SegmentationLosses.Maps(loss, 3, labels: false);
        Assert.HasCount(kinds, maps);
        var logits = randn([2, 3, 12, 10], generator: new Generator(5));
        var targets = randint(0, 3, [2, 12, 10], ScalarType.Int64, generator: new Generator(6));
        var inputs = new LossInputs
        {
            ["logits"] = logits,
            ["logits0"] = logits,
            ["targets"] = targets,
        };
        var own = loss.Compute(inputs).item<float>();
        foreach (var map in maps)
        {
            var given = inputs.With([.. maps.Select(each => (each.Name, each.Make(targets)))]);
            Assert.AreEqual(own, loss.Compute(given).item<float>(), 1e-5f * Math.Abs(own));
            given[map.Name] = given[map.Name] + 7;
            Assert.AreNotEqual(own, loss.Compute(given).item<float>(), 1e-3f * Math.Abs(own), $"{map.Name} is not read.");
        }
    }
}
