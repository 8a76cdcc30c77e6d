using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.UnitTests.ImageClassification;
using MLNetLosses.UnitTests.Losses;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>Losses that are defined outside the library train a detector like any other: on classes and on boxes.</summary>
[TestClass]
public sealed class OwnLossTests
{
    private static readonly CappedCrossEntropyLoss OnClasses = new() { Cap = 3 };
    private static readonly CornerDistanceLoss OnBoxes = new() { Cap = 1 };

    public static IEnumerable<object[]> Definitions =>
        new (string Name, DetectorClassificationLoss Classes, DetectorBoxLoss Boxes, string[] Terms)[]
        {
            ("alone", OnClasses, OnBoxes, ["classification", "boxes"]),
            (
                "in sums",
                OnClasses + 0.5 * new CrossEntropyLoss(),
                0.5 * new GeneralizedIoULoss() + OnBoxes,
                ["classification_cappedCrossEntropy", "classification_crossEntropy", "boxes_generalizedIoU", "boxes_cornerDistance"]
            ),
            (
                "from text",
                DetectorClassificationLoss.Parse("CappedCrossEntropy(cap: 3)"),
                DetectorBoxLoss.Parse("CornerDistance(cap: 1)"),
                ["classification", "boxes"]
            ),
            (
                "from JSON",
                DetectorClassificationLoss.Parse("""{ "loss": "CappedCrossEntropy", "cap": 3 }"""),
                DetectorBoxLoss.Parse(
                    """{ "loss": "Sum", "terms": [{ "loss": "IoU" }, { "weight": 2, "loss": { "loss": "CornerDistance", "cap": 1 } }] }"""
                ),
                ["classification", "boxes_ioU", "boxes_cornerDistance"]
            ),
        }.Select(definition => new object[] { definition.Name, definition.Classes, definition.Boxes, definition.Terms });

    [TestMethod]
    [DynamicData(nameof(Definitions), DynamicDataDisplayName = nameof(NameOf))]
    public void TheyTrainAndAreSavedWithTheModel(string name, DetectorClassificationLoss classes, DetectorBoxLoss boxes, string[] terms)
    {
        var recorder = new Recorder();
        var options = Detecting.Small(o =>
        {
            (o.BatchSize, o.ImageSize, o.ClassificationLoss, o.BoxLoss) = (2, 48, classes, boxes);
            (o.Progress, o.ProgressInterval) = (recorder, 1);
        });
        var context = new MLContext(1);
        var data = DrawnObjects.Data(4);
        using var model = Detecting.Fit(data, options, context);
        CollectionAssert.AreEqual(terms, model.Summary.History.Single().Terms.Select(term => term.Name).ToArray(), name);
        Assert.IsTrue(recorder.Reports.All(report => double.IsFinite(report.Loss)));
        using var stream = new MemoryStream();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        using var loaded = (ObjectDetectionTransformer)context.Model.Load(stream, out _);
        Assert.AreEqual(classes, DetectorClassificationLoss.Parse(loaded.ClassificationLoss));
        Assert.AreEqual(boxes, DetectorBoxLoss.Parse(loaded.BoxLoss));
        CollectionAssert.AreEqual(Detecting.Weights(model), Detecting.Weights(loaded));
    }

    [TestMethod]
    public void OneOnDistributionsOfSidesTrainsAndIsSavedWithTheModel()
    {
        var context = new MLContext(1);
        var data = DrawnObjects.Data(4);
        using var model = Detecting.Fit(
            data,
            Detecting.Small(o =>
            {
                (o.Epoch, o.BatchSize, o.ImageSize) = (4, 2, 48);
                o.Head = DetectionHead.Parse("Fcos(channels: 32, convolutions: 1, distributionBins: 9)");
                (o.DistributionLoss, o.DistributionLossWeight) = (new CumulativeDistanceLoss { Power = 1.5 }, 2);
            }),
            context
        );
        var terms = model.Summary.History.Select(epoch => epoch.Terms.Single(term => term.Name == "distributions")).ToList();
        Assert.IsTrue(terms.All(term => term.Weight == 2));
        Assert.IsLessThan(terms[0].Value, terms[^1].Value);
        using var stream = new MemoryStream();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        using var loaded = (ObjectDetectionTransformer)context.Model.Load(stream, out _);
        Assert.AreEqual("CumulativeDistance(power: 1.5)", loaded.DistributionLoss);
        Assert.IsTrue(context.Transforms.ScoreLoss(loaded).Fit(data).Transform(data).GetColumn<float>("Loss").All(float.IsFinite));
    }

    [TestMethod]
    public void ItKeepsThePromisesOfEveryLoss() => LossContract.CheckAll(OnBoxes);

    public static string NameOf(System.Reflection.MethodInfo method, object[] data) => $"{method.Name}: {data[0]}";
}
