using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.UnitTests.Golden;

namespace MLNetLosses.UnitTests.Metrics;

[TestClass]
public class ObjectDetectionMetricsTests
{
    public static IEnumerable<object?[]> Cases() => GoldenMetric.Rows("CocoDetection");

    public static string CaseName(System.Reflection.MethodInfo method, object?[] data) => data[0]?.ToString() ?? "no golden values";

    [TestMethod]
    [DynamicData(nameof(Cases), DynamicDataDisplayName = nameof(CaseName))]
    public void MatchesTheReference(object? row)
    {
        var golden = GoldenMetric.Of(row);
        var classes = golden.Options.GetProperty("numberOfClasses").GetInt32();
        var images = golden.Options.GetProperty("numberOfImages").GetInt32();
        var evaluator = new ObjectDetectionEvaluator(Enumerable.Range(0, classes).Select(c => $"{c}"));
        var (targetImages, detectionImages) = (golden.Integers("targetImages"), golden.Integers("detectionImages"));
        for (var image = 0; image < images; image++)
        {
            var targets = Indices(targetImages, image);
            var detections = Indices(detectionImages, image);
            evaluator.Add<double>(
                Boxes(golden.Numbers("targetBoxes"), targets),
                Pick(golden.Integers("targetClasses"), targets),
                Boxes(golden.Numbers("detectionBoxes"), detections),
                Pick(golden.Integers("detectionClasses"), detections),
                Pick(golden.Numbers("detectionScores"), detections),
                Pick(golden.Flags("targetCrowd"), targets),
                golden.Has("targetAreas") ? Pick(golden.Numbers("targetAreas"), targets) : []
            );
        }
        var metrics = evaluator.Metrics();
        foreach (var expected in golden.Json.GetProperty("expected").EnumerateObject())
        {
            var name = char.ToUpperInvariant(expected.Name[0]) + expected.Name[1..];
            double[] actual = typeof(ObjectDetectionMetrics).GetProperty(name)?.GetValue(metrics) switch
            {
                double one => [one],
                IReadOnlyList<double> each => [.. each],
                _ => throw new AssertFailedException($"There is no {name}."),
            };
            golden.AssertClose(name, GoldenMetric.Values(expected.Value), actual);
        }
    }

    [TestMethod]
    public void ThreeDetectionsOfTwoTargetsByHand()
    {
        // Right, wrong, right: precision 1 up to recall 1/2, then 2/3.
        var evaluator = new ObjectDetectionEvaluator(["cell"]);
        evaluator.Add<float>(
            [0, 0, 10, 10, 20, 0, 30, 10],
            [0, 0],
            [0, 0, 10, 10, 50, 50, 60, 60, 20, 0, 30, 10],
            [0, 0, 0],
            [0.9f, 0.8f, 0.7f]
        );
        var metrics = evaluator.Metrics();
        Assert.AreEqual((51 + 50 * 2 / 3.0) / 101, metrics.AveragePrecision50, 1e-12);
        Assert.AreEqual((float)metrics.AveragePrecision50, metrics.MAP50);
        Assert.AreEqual(metrics.AveragePrecision50, metrics.AveragePrecision, 1e-12, "the boxes are exact");
        Assert.AreEqual(0.5, metrics.AverageRecall1);
        Assert.AreEqual(1, metrics.AverageRecall10);
        Assert.AreEqual(metrics.AveragePrecision, metrics.AveragePrecisionSmall);
        Assert.IsTrue(double.IsNaN(metrics.AveragePrecisionLarge), "there is no large target");
        var curve = metrics.PerClass[0].PrecisionRecallCurve();
        Assert.HasCount(101, curve);
        Assert.AreEqual(new PrecisionRecallPoint(0.5, 1, 0.9f), curve[50]);
        Assert.AreEqual(2 / 3.0, curve[51].Precision, 1e-15);
        Assert.AreEqual(0.7f, curve[51].Score);
        StringAssert.Contains(metrics.GetFormattedTable(), "cell");
        Assert.Throws<ArgumentOutOfRangeException>(() => metrics.PerClass[0].PrecisionRecallCurve(0.52));
    }

    [TestMethod]
    public void AreasOfMasksDecideTheSize()
    {
        var evaluator = new ObjectDetectionEvaluator(["cell"]);
        evaluator.Add<double>([0, 0, 100, 100], [0], [0, 0, 100, 100], [0], [1], targetAreas: [500]);
        var metrics = evaluator.Metrics();
        Assert.AreEqual(1, metrics.AveragePrecisionSmall);
        Assert.IsTrue(double.IsNaN(metrics.AveragePrecisionLarge));
    }

    /// <summary>As pycocotools does: of a thin shape in a large box.</summary>
    [TestMethod]
    public void TheColumnOfAreasDecidesTheSizeWhereTheDataHaveIt()
    {
        var catalog = new MLContext(1).MulticlassClassification;
        var data = new MLContext(1).Data.LoadFromEnumerable(
            new[]
            {
                new RowWithArea
                {
                    Label = ["a"],
                    BoundingBoxes = [0, 0, 100, 100],
                    PredictedLabel = ["a"],
                    PredictedBoundingBoxes = [0, 0, 100, 100],
                    Score = [0.9f],
                    Ignored = [false],
                    Area = [500],
                },
            }
        );
        var byShape = catalog.EvaluateObjectDetection(data);
        Assert.AreEqual(1, byShape.AveragePrecisionSmall);
        Assert.IsTrue(double.IsNaN(byShape.AveragePrecisionLarge));
        foreach (
            var byBox in new[]
            {
                catalog.EvaluateObjectDetection(data, areaColumnName: null),
                catalog.EvaluateObjectDetection(data, areaColumnName: "None"),
            }
        )
        {
            Assert.AreEqual(1, byBox.AveragePrecisionLarge);
            Assert.IsTrue(double.IsNaN(byBox.AveragePrecisionSmall));
        }
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => catalog.EvaluateObjectDetection(data, areaColumnName: "Label")).Message,
            "Vector<Single>"
        );
    }

    [TestMethod]
    public void WhatDoesNotFitIsRefusedAndNotAdded()
    {
        var evaluator = new ObjectDetectionEvaluator(["a", "b"]);
        void Refused(string part, Action act) => StringAssert.Contains(Assert.Throws<ArgumentException>(act).Message, part);
        float[] box = [0, 0, 1, 1];
        Refused("targetBoxes hold 4 numbers for 2 classes", () => evaluator.Add<float>(box, [0, 1], [], [], []));
        Refused("detectionBoxes hold 0 numbers", () => evaluator.Add<float>(box, [0], [], [0], [1]));
        Refused("class indices in [0, 1]", () => evaluator.Add<float>(box, [2], [], [], []));
        Refused("0 detectionScores", () => evaluator.Add<float>([], [], box, [0], []));
        Refused("detectionScores hold NaN", () => evaluator.Add<float>([], [], box, [0], [float.NaN]));
        Refused("Box 0 of detectionBoxes holds NaN", () => evaluator.Add<float>([], [], [0, float.NaN, 1, 1], [0], [1]));
        Refused("2 targetCrowds", () => evaluator.Add<float>(box, [0], [], [], [], [true, false]));
        Assert.AreEqual(0, evaluator.Metrics().ImageCount);
        Assert.AreEqual(0, evaluator.Metrics().PerClass[0].TargetCount);
    }

    [TestMethod]
    public void ColumnsOfKeysAndOfTextAreEvaluated()
    {
        var mlContext = new MLContext(1);
        Row[] rows =
        [
            new()
            {
                Label = ["b", "a"],
                BoundingBoxes = [0, 0, 10, 10, 20, 20, 40, 40],
                PredictedLabel = ["a"],
                PredictedBoundingBoxes = [20, 20, 40, 40],
                Score = [0.9f],
                Ignored = [true, false],
            },
            new()
            {
                PredictedLabel = ["c"],
                PredictedBoundingBoxes = [0, 0, 5, 5],
                Score = [0.4f],
            },
        ];
        var text = mlContext.Data.LoadFromEnumerable(rows);
        var keys = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(text).Transform(text);
        foreach (var data in new[] { text, keys })
        {
            var metrics = mlContext.MulticlassClassification.EvaluateObjectDetection(data);
            Assert.AreEqual(1, metrics.MAP50_95, "b is ignored, c has no targets");
            // The order of keys is that of the data, here b, a; text is ordered by name.
            string[] expected = data == text ? ["a", "b", "c"] : ["b", "a", "c"];
            CollectionAssert.AreEqual(expected, metrics.PerClass.Select(one => one.Name).ToArray());
            Assert.AreEqual(2, metrics.ImageCount);
            var schema = data.Schema;
            var same = mlContext.MulticlassClassification.EvaluateObjectDetection(
                data,
                schema["Label"],
                schema["BoundingBoxes"],
                schema["PredictedLabel"],
                schema["PredictedBoundingBoxes"],
                schema["Score"]
            );
            Assert.AreEqual(1, same.MAP50);
        }
        var strict = mlContext.MulticlassClassification.EvaluateObjectDetection(keys, ignoredColumnName: null);
        Assert.AreEqual(0.5, strict.MAP50, "b is missed");
    }

    [TestMethod]
    public void ColumnsThatDoNotFitAreRefusedByName()
    {
        var mlContext = new MLContext(1);
        var catalog = mlContext.MulticlassClassification;
        void Refused(string part, Action act) => StringAssert.Contains(Assert.Throws<ArgumentException>(act).Message, part);
        var data = mlContext.Data.LoadFromEnumerable(
            new Row[]
            {
                new(),
                new() { Label = ["a"], BoundingBoxes = [0, 0, 1] },
            }
        );
        Refused("Row 1 cannot be evaluated", () => catalog.EvaluateObjectDetection(data));
        Refused("no column 'Labels'", () => catalog.EvaluateObjectDetection(data, labelColumnName: "Labels"));
        Refused("Vector<Single>", () => catalog.EvaluateObjectDetection(data, boundingBoxColumnName: "Label"));
        Refused("Vector<Key<UInt32>>", () => catalog.EvaluateObjectDetection(data, predictedLabelColumnName: "Score"));
        var known = mlContext.Data.LoadFromEnumerable(
            new Row[]
            {
                new() { Label = ["a"], BoundingBoxes = [0, 0, 1, 1] },
            }
        );
        var other = mlContext.Data.LoadFromEnumerable(
            new Row[]
            {
                new() { Label = ["z"], BoundingBoxes = [0, 0, 1, 1] },
            }
        );
        var unknown = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(known).Transform(other);
        Refused("Object 0 of the column 'Label' has no class", () => catalog.EvaluateObjectDetection(unknown));
    }

    private static int[] Indices(int[] images, int image) => [.. Enumerable.Range(0, images.Length).Where(i => images[i] == image)];

    private static T[] Pick<T>(T[] values, int[] indices) => [.. indices.Select(i => values[i])];

    private static double[] Boxes(double[] boxes, int[] indices) => [.. indices.SelectMany(i => boxes[(4 * i)..(4 * i + 4)])];

    private sealed class RowWithArea : Row
    {
        public float[] Area { get; set; } = [];
    }

    private class Row
    {
        public string[] Label { get; set; } = [];
        public float[] BoundingBoxes { get; set; } = [];
        public string[] PredictedLabel { get; set; } = [];
        public float[] PredictedBoundingBoxes { get; set; } = [];
        public float[] Score { get; set; } = [];
        public bool[] Ignored { get; set; } = [];
    }
}
