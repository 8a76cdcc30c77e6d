using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.UnitTests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Metrics;

[TestClass]
public class SegmentationMetricsTests
{
    [TestMethod]
    [DynamicData(nameof(Cases), DynamicDataDisplayName = nameof(CaseName))]
    public void MatchesTheReference(string? name, JsonElement golden)
    {
        if (name is null)
            Assert.Inconclusive("No golden values of metrics: set MLNETLOSSES_GOLDEN_METRICS to their folder to run these tests.");
        using var scope = NewDisposeScope();
        var options = golden.GetProperty("options");
        var classes = options.GetProperty("numberOfClasses").GetInt32();
        var inputs = golden.GetProperty("inputs");
        var predictions = GoldenCase.Read(inputs.GetProperty("predictions"), ScalarType.Float64);
        var targets = GoldenCase.Read(inputs.GetProperty("targets"), ScalarType.Float64);
        var confusion = new SegmentationConfusion(
            classes,
            options.TryGetProperty("ignoreIndex", out var ignored) ? ignored.GetInt64() : null
        );
        for (var image = 0; image < targets.shape[0]; image++)
            confusion.Add(predictions[image], targets[image]);
        var metrics = confusion.Metrics();
        foreach (var expected in golden.GetProperty("expected").EnumerateObject())
        {
            double[] actual = expected.Name switch
            {
                "confusionMatrix" =>
                [
                    .. from t in Enumerable.Range(0, classes) from p in Enumerable.Range(0, classes) select (double)confusion[t, p],
                ],
                _ => typeof(SegmentationMetrics)
                    .GetProperty(char.ToUpperInvariant(expected.Name[0]) + expected.Name[1..])
                    ?.GetValue(metrics) switch
                {
                    double one => [one],
                    IReadOnlyList<double> each => [.. each],
                    _ => throw new AssertFailedException($"There is no {expected.Name}."),
                },
            };
            var wanted = GoldenCase.Read(expected.Value, ScalarType.Float64).to(ScalarType.Float64).flatten().data<double>().ToArray();
            Assert.HasCount(wanted.Length, actual, expected.Name);
            foreach (var (want, got) in wanted.Zip(actual))
                Assert.IsTrue(
                    double.IsNaN(want)
                        ? double.IsNaN(got)
                        : Math.Abs(want - got) <= 1e-12 + golden.GetProperty("rtol").GetDouble() * Math.Abs(want),
                    $"{expected.Name}: {got:R} instead of {want:R}"
                );
        }
    }

    public static IEnumerable<object?[]> Cases()
    {
        var folder = GoldenFolder.Find("MLNETLOSSES_GOLDEN_METRICS", "golden-metrics");
        var file = folder is null ? null : Path.Combine(folder, "Segmentation.json");
        if (!File.Exists(file))
            return
            [
                [null, default(JsonElement)],
            ];
        var root = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;
        return root.GetProperty("cases").EnumerateArray().Select(one => new object?[] { one.GetProperty("name").GetString(), one });
    }

    public static string CaseName(System.Reflection.MethodInfo method, object?[] data) => data[0] as string ?? "no golden values";

    [TestMethod]
    public void TwoClassesByHand()
    {
        // TP of class 1: 2, FN: 1, FP: 1, TN: 3; the last pixel is ignored.
        var confusion = new SegmentationConfusion(2, ignoreIndex: 255);
        confusion.Add<byte>([1, 1, 0, 1, 0, 0, 0, 77], [1, 1, 1, 0, 0, 0, 0, 255]);
        var metrics = confusion.Metrics();
        Assert.AreEqual(7L, metrics.PixelCount);
        Assert.AreEqual(1L, confusion[1, 0]);
        Assert.AreEqual(2 / 4.0, metrics.IntersectionOverUnion[1]);
        Assert.AreEqual(3 / 5.0, metrics.IntersectionOverUnion[0]);
        Assert.AreEqual(4 / 6.0, metrics.Dice[1]);
        Assert.AreEqual(5 / 7.0, metrics.PixelAccuracy);
        Assert.AreEqual((0.5 + 0.6) / 2, metrics.MeanIntersectionOverUnion, 1e-15);
        Assert.AreEqual(4 / 7.0 * 0.6 + 3 / 7.0 * 0.5, metrics.FrequencyWeightedIntersectionOverUnion, 1e-15);
    }

    [TestMethod]
    public void TensorsSpansBatchesAndSumsCountAlike()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4, CPU);
        var targets = randint(0, 5, [6, 7, 8], ScalarType.Int64, generator: generator);
        var predictions = randint(0, 5, [6, 7, 8], ScalarType.Int64, generator: generator);
        var (whole, halves, second, spans) = (Fresh(), Fresh(), Fresh(), Fresh());
        whole.Add(predictions.to(ScalarType.Byte), targets.to(ScalarType.Int32));
        halves.Add(predictions[..2], targets[..2]);
        second.Add(predictions[2..].transpose(1, 2), targets[2..].transpose(1, 2));
        halves.Add(second);
        spans.Add<long>(predictions.data<long>().ToArray(), targets.data<long>().ToArray());
        for (var target = 0; target < 5; target++)
        for (var prediction = 0; prediction < 5; prediction++)
        {
            var expected = targets.eq(target).logical_and(predictions.eq(prediction)).sum().item<long>() * (target == 4 ? 0 : 1);
            Assert.AreEqual(expected, whole[target, prediction]);
            Assert.AreEqual(expected, halves[target, prediction]);
            Assert.AreEqual(expected, spans[target, prediction]);
        }
        static SegmentationConfusion Fresh() => new(5, ignoreIndex: 4);
    }

    [TestMethod]
    public void WhatDoesNotFitIsRefusedAndNotCounted()
    {
        using var scope = NewDisposeScope();
        var confusion = new SegmentationConfusion(3);
        void Refused(string part, Action add) => StringAssert.Contains(Assert.Throws<ArgumentException>(add).Message, part);
        Refused("targets hold 3; they must be class indices in [0, 2]", () => confusion.Add(zeros(4, int64), full(4, 3, int64)));
        Refused("predictions hold -1", () => confusion.Add(full(4, -1, int64), zeros(4, int64)));
        Refused("[4] and targets [5]", () => confusion.Add(zeros(4, int64), zeros(5, int64)));
        Refused("integer type", () => confusion.Add(zeros(4, float32), zeros(4, int64)));
        Refused("2 predictions and 1 targets", () => confusion.Add<byte>([0, 0], [0]));
        Refused("targets hold 255", () => confusion.Add<byte>([0, 0], [0, 255]));
        Refused("predictions hold 9", () => confusion.Add<int>([0, 9], [0, 0]));
        Refused("2 classes", () => confusion.Add(new SegmentationConfusion(2)));
        Assert.AreEqual(0L, confusion.Metrics().PixelCount);
        Assert.IsTrue(double.IsNaN(confusion.Metrics().MeanDice));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SegmentationConfusion(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => confusion[3, 0]);
    }
}
