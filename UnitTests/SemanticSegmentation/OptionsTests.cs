using System.Reflection;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using Options = MLNetLosses.SemanticSegmentationTrainer.Options;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Every option of its own does something: it changes the model, changes what is seen, or is refused. The options of all trainers are tested with the classifier.</summary>
[TestClass]
public class OptionsTests
{
    /// <summary>By option: a change that must give another model, and changes to both beside it.</summary>
    private static readonly Dictionary<string, (Action<Options> Change, Action<Options>? Both)> ChangesTheModel = new()
    {
        [nameof(Options.Loss)] = (o => o.Loss = new DiceLoss(), null),
        [nameof(Options.Mode)] = (o => o.Mode = SegmentationMode.Binary, o => o.IgnoreIndex = 2),
        [nameof(Options.IgnoreIndex)] = (o => o.IgnoreIndex = 2, null),
        [nameof(Options.ClassWeights)] = (o => o.ClassWeights = "balanced", null),
        [nameof(Options.Architecture)] = (o => o.Architecture = SegmentationArchitecture.FPN, null),
        [nameof(Options.ImageWidth)] = (o => o.ImageWidth = 32, null),
        [nameof(Options.ImageHeight)] = (o => o.ImageHeight = 20, null),
        [nameof(Options.CropWidth)] = (o => (o.CropWidth, o.CropHeight) = (16, 24), null),
        [nameof(Options.CropHeight)] = (o => (o.CropWidth, o.CropHeight) = (24, 16), null),
        [nameof(Options.Color)] = (o => o.Color = ImageColor.Gray, null),
        [nameof(Options.Augmentation)] = (o => o.Augmentation = Augmentation.Light, null),
    };

    /// <summary>Options whose effect is seen elsewhere: by the test that is named.</summary>
    private static readonly Dictionary<string, string> SeenElsewhere = new()
    {
        [nameof(Options.PredictedLabelColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.AreasColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.ProbabilitiesColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.ClassNames)] = nameof(BadDataTests.AnIndexOutsideTheClassesNamesFilePixelAndValue),
        [nameof(Options.MonitoredMetric)] = nameof(TheMetricDecidesWhichEpochIsKept),
        [nameof(Options.PredictionPixels)] = nameof(PredictionTests.TilesThatSeeFarEnoughGiveWhatTheWholeImageGives),
        [nameof(Options.TileOverlap)] = nameof(TilingReachesTheModel),
    };

    private static byte[]? unchanged;

    [TestMethod]
    public void EveryOptionIsTestedHere()
    {
        var own = typeof(Options)
            .GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(p => p.Name);
        CollectionAssert.AreEquivalent(own.ToArray(), ChangesTheModel.Keys.Concat(SeenElsewhere.Keys).ToArray());
        var tests = typeof(OptionsTests)
            .Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(OptionsTests).Namespace)
            .SelectMany(type => type.GetMethods())
            .Where(method => method.GetCustomAttribute<TestMethodAttribute>() is not null)
            .Select(method => method.Name)
            .ToHashSet();
        foreach (var (option, test) in SeenElsewhere)
            Assert.IsTrue(tests.Contains(test), $"{option}: there is no test {test}.");
    }

    public static IEnumerable<object[]> Changes => ChangesTheModel.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Changes))]
    public void TheOptionChangesTheModel(string name)
    {
        var (change, both) = ChangesTheModel[name];
        var data = DrawnShapes.Data(8);
        var before = both is null && unchanged is not null ? unchanged : Segmenting.Weights(data, Segmenting.Small(both));
        if (both is null)
            unchanged = before;
        var after = Segmenting.Weights(
            data,
            Segmenting.Small(o =>
            {
                both?.Invoke(o);
                change(o);
            })
        );
        CollectionAssert.AreNotEqual(before, after);
    }

    [TestMethod]
    public void ColumnNamesAreUsed()
    {
        var data = DrawnShapes.Data(4);
        using var model = Segmenting.Fit(
            data,
            Segmenting.Small(o => (o.PredictedLabelColumnName, o.AreasColumnName, o.ProbabilitiesColumnName) = ("Found", "Pixels", "P"))
        );
        CollectionAssert.AreEqual(
            new[] { "Found", "Pixels", "P" },
            model.GetOutputSchema(data.Schema).Select(c => c.Name).TakeLast(3).ToArray()
        );
        using var bare = Segmenting.Fit(
            data,
            Segmenting.Small(o => (o.AreasColumnName, o.ProbabilitiesColumnName, o.Epoch) = (null, "P", 0))
        );
        CollectionAssert.AreEqual(
            new[] { "PredictedLabel", "P" },
            bare.GetOutputSchema(data.Schema).Select(c => c.Name).TakeLast(2).ToArray()
        );
        using var engine = Segmenting
            .Context()
            .Model.CreatePredictionEngine<DrawnShapes.Row, WithProbabilities>(
                bare,
                new Microsoft.ML.PredictionEngineOptions { OwnsTransformer = false }
            );
        Assert.HasCount(3 * 24 * 24, engine.Predict(DrawnShapes.Rows(1)[0]).P);
    }

    private sealed class WithProbabilities
    {
        public float[] P { get; set; } = [];
    }

    [TestMethod]
    [DataRow(SegmentationMetric.MeanIntersectionOverUnion, "meanIoU")]
    [DataRow(SegmentationMetric.MeanDice, "meanDice")]
    [DataRow(SegmentationMetric.PixelAccuracy, "pixelAccuracy")]
    public void TheMetricDecidesWhichEpochIsKept(SegmentationMetric metric, string name)
    {
        using var model = Segmenting.Fit(
            DrawnShapes.Data(12),
            Segmenting.Small(o =>
                (o.MonitoredMetric, o.Epoch, o.ValidationSet, o.LearningRate) = (metric, 4, DrawnShapes.Data(6, seed: 3), 0.05)
            )
        );
        Assert.AreEqual(name, model.Summary.BestMetrics!.Primary);
        var scores = model.Summary.History.Select(epoch => epoch.Metrics!.Values[name]).ToList();
        Assert.AreEqual(scores.IndexOf(scores.Max()) + 1, model.Summary.KeptEpoch);
    }

    [TestMethod]
    public void TilingReachesTheModel()
    {
        var data = DrawnShapes.Data(2, width: 90, height: 80);
        byte[] Masks(int pixels, int overlap)
        {
            using var model = Segmenting.Fit(
                data,
                Segmenting.Small(o =>
                    (o.ImageWidth, o.ImageHeight, o.Epoch, o.ProbabilitiesColumnName, o.PredictionPixels, o.TileOverlap) = (
                        null,
                        null,
                        1,
                        "P",
                        pixels,
                        overlap
                    )
                )
            );
            return [.. Segmenting.Masks(model, data).SelectMany(mask => mask.Values.ToArray())];
        }
        var whole = Masks(1 << 20, 64);
        var tiled = Masks(4096, 0);
        CollectionAssert.AreNotEqual(whole, tiled, "Tiles that see nothing around them see less.");
    }
}
