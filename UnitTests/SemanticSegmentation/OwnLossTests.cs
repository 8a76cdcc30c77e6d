using Microsoft.ML;
using MLNetLosses.Losses;
using MLNetLosses.UnitTests.ImageClassification;
using MLNetLosses.UnitTests.Losses;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>A loss that is defined outside the library trains a segmentation network like any other.</summary>
[TestClass]
public sealed class OwnLossTests
{
    private static readonly CappedCrossEntropyLoss Own = new() { Cap = 3 };

    public static IEnumerable<object[]> Definitions =>
        new (string Name, SegmentationLoss Loss, string[] Terms)[]
        {
            ("alone", Own, ["cappedCrossEntropy"]),
            ("in a sum with a loss of its family", Own + 0.5 * new FocalLoss(), ["cappedCrossEntropy", "focal"]),
            ("in a sum with a region loss", (SegmentationLoss)Own + 0.5 * new DiceLoss(), ["cappedCrossEntropy", "dice"]),
            ("from text", Loss.Parse<SegmentationLoss>("CappedCrossEntropy(cap: 3)"), ["cappedCrossEntropy"]),
            ("a sum from text", Loss.Parse<SegmentationLoss>("0.2 * Dice() + CappedCrossEntropy(cap: 3)"), ["dice", "cappedCrossEntropy"]),
            ("from JSON", Loss.FromJson<SegmentationLoss>("""{ "loss": "CappedCrossEntropy", "cap": 3 }"""), ["cappedCrossEntropy"]),
            (
                "a sum from JSON",
                Loss.FromJson<SegmentationLoss>(
                    """{ "loss": "Sum", "terms": [{ "loss": "Dice" }, { "weight": 2, "loss": { "loss": "CappedCrossEntropy", "cap": 3 } }] }"""
                ),
                ["dice", "cappedCrossEntropy"]
            ),
        }.Select(definition => new object[] { definition.Name, definition.Loss, definition.Terms });

    [TestMethod]
    [DynamicData(nameof(Definitions), DynamicDataDisplayName = nameof(NameOf))]
    public void ItTrainsAndIsSavedWithTheModel(string name, SegmentationLoss loss, string[] terms)
    {
        var recorder = new Recorder();
        var options = Segmenting.Small(o => (o.Loss, o.Progress, o.ProgressInterval) = (loss, recorder, 1));
        var context = Segmenting.Context();
        var data = DrawnShapes.Data(8);
        using var model = Segmenting.Fit(data, options, context);
        CollectionAssert.AreEqual(terms, model.Summary.History.Single().Terms.Select(term => term.Name).ToArray(), name);
        Assert.IsTrue(recorder.Reports.All(report => double.IsFinite(report.Loss)));
        using var stream = new MemoryStream();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        using var loaded = (SemanticSegmentationTransformer)context.Model.Load(stream, out _);
        Assert.AreEqual(loss, Loss.Parse<SegmentationLoss>(loaded.Loss));
        CollectionAssert.AreEqual(Segmenting.Weights(model), Segmenting.Weights(loaded));
    }

    [TestMethod]
    public void ItsGradientTrainsTheNetwork()
    {
        // Below the cap it is the cross-entropy, above it costs nothing to learn.
        var data = DrawnShapes.Data(8);
        byte[] With(SegmentationLoss loss) => Segmenting.Weights(data, Segmenting.Small(o => o.Loss = loss));
        var capped = With(new CappedCrossEntropyLoss { Cap = 0.01 });
        Assert.IsFalse(With(new CappedCrossEntropyLoss { Cap = 5 }).SequenceEqual(capped));
    }

    public static string NameOf(System.Reflection.MethodInfo method, object[] data) => $"{method.Name}: {data[0]}";
}
