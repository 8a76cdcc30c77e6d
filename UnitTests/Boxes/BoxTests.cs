using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.UnitTests.Golden;

namespace MLNetLosses.UnitTests.Boxes;

[TestClass]
public class BoxTests
{
    private static readonly double[] Pair = [0, 0, 10, 10, 0, 0, 10, 5];

    public static string CaseName(System.Reflection.MethodInfo method, object?[] data) => data[0]?.ToString() ?? "no golden values";

    public static IEnumerable<object?[]> OverlapCases() => GoldenMetric.Rows("BoxOverlap");

    public static IEnumerable<object?[]> NmsCases() => GoldenMetric.Rows("Nms");

    [TestMethod]
    [DynamicData(nameof(OverlapCases), DynamicDataDisplayName = nameof(CaseName))]
    public void OverlapsMatchTheReference(object? row)
    {
        var golden = GoldenMetric.Of(row);
        var (boxes, others) = (golden.Numbers("boxes"), golden.Numbers("others"));
        foreach (var expected in golden.Json.GetProperty("expected").EnumerateObject())
        {
            var actual = new double[boxes.Length / 4 * (others.Length / 4)];
            switch (expected.Name)
            {
                case "intersectionOverUnion":
                    BoxOverlap.IntersectionOverUnion<double>(boxes, others, actual);
                    break;
                case "generalizedIntersectionOverUnion":
                    BoxOverlap.GeneralizedIntersectionOverUnion<double>(boxes, others, actual);
                    break;
                case "intersectionOverFirst":
                    BoxOverlap.IntersectionOverFirst<double>(boxes, others, actual);
                    break;
                default:
                    Assert.Fail($"There is no {expected.Name}.");
                    break;
            }
            golden.AssertClose(expected.Name, GoldenMetric.Values(expected.Value), actual);
        }
    }

    [TestMethod]
    [DynamicData(nameof(NmsCases), DynamicDataDisplayName = nameof(CaseName))]
    public void SuppressionMatchesTheReference(object? row)
    {
        var golden = GoldenMetric.Of(row);
        var classes = golden.Has("classes") ? golden.Integers("classes") : [];
        var (boxes, scores) = (golden.Numbers("boxes"), golden.Numbers("scores"));
        var threshold = golden.Options.GetProperty("threshold").GetDouble();
        var expected = GoldenMetric.Values(golden.Json.GetProperty("expected").GetProperty("keep")).Select(i => (int)i).ToArray();
        CollectionAssert.AreEqual(expected, NonMaximumSuppression.Keep<double>(boxes, scores, classes, threshold));
        var limited = NonMaximumSuppression.Keep<double>(boxes, scores, classes, threshold, limit: 3);
        CollectionAssert.AreEqual(expected.Take(3).ToArray(), limited);
        float[] singleBoxes = [.. boxes.Select(v => (float)v)],
            singleScores = [.. scores.Select(v => (float)v)];
        CollectionAssert.AreEqual(expected, NonMaximumSuppression.Keep<float>(singleBoxes, singleScores, classes, threshold));
    }

    [TestMethod]
    public void EqualScoresKeepTheirOrder() =>
        CollectionAssert.AreEqual(
            new[] { 2, 0, 1, 3 },
            NonMaximumSuppression.Keep<float>([0, 0, 1, 1, 2, 0, 3, 1, 4, 0, 5, 1, 6, 0, 7, 1], [0.5f, 0.5f, 0.9f, 0.5f], [], 0.5)
        );

    [TestMethod]
    public void GaussianSuppressionByHand()
    {
        // u = 1/2 lowers 0.8 to 0.8 exp(-1/4 / 0.5).
        var left = SoftSuppression.Apply<double>(Pair, [0.8, 0.9], []);
        CollectionAssert.AreEqual(new[] { 1, 0 }, left.Select(one => one.Index).ToArray());
        Assert.AreEqual(0.9, left[0].Score);
        Assert.AreEqual(0.8 * Math.Exp(-0.5), left[1].Score, 1e-15);
        Assert.HasCount(1, SoftSuppression.Apply<double>(Pair, [0.8, 0.9], [], minScore: 0.5));
        Assert.AreEqual(0.8, SoftSuppression.Apply<double>(Pair, [0.8, 0.9], [4, 7])[1].Score, "of another class");
    }

    [TestMethod]
    public void LinearSuppressionByHand()
    {
        var linear = SoftSuppressionDecay.Linear;
        Assert.AreEqual(0.4, SoftSuppression.Apply<double>(Pair, [0.9, 0.8], [], linear, threshold: 0.4)[1].Score, 1e-15);
        Assert.AreEqual(
            0.8,
            SoftSuppression.Apply<double>(Pair, [0.9, 0.8], [], linear, threshold: 0.5)[1].Score,
            "not above the threshold"
        );
    }

    [TestMethod]
    public void ALoweredBoxIsOvertaken()
    {
        // The second overlaps the first by 1/2 and falls behind the third, which stands alone.
        double[] boxes = [.. Pair, 100, 100, 110, 110];
        var order = SoftSuppression.Apply<double>(boxes, [0.9, 0.8, 0.5], []).Select(one => one.Index).ToArray();
        CollectionAssert.AreEqual(new[] { 0, 2, 1 }, order);
        Assert.HasCount(2, SoftSuppression.Apply<double>(boxes, [0.9, 0.8, 0.5], [], limit: 2));
    }

    [TestMethod]
    public void WhatDoesNotFitIsRefused()
    {
        void Refused(string part, Action act) => StringAssert.Contains(Assert.Throws<ArgumentException>(act).Message, part);
        Refused("hold 5 numbers", () => BoxOverlap.IntersectionOverUnion<float>(new float[5], new float[4], new float[1]));
        Refused(
            "Box 1 of others holds NaN",
            () => BoxOverlap.IntersectionOverUnion<double>(new double[4], [0, 0, 1, 1, 0, double.NaN, 1, 1], new double[2])
        );
        Refused("result of 2 numbers, not 3", () => BoxOverlap.IntersectionOverFirst<double>(Pair, new double[4], new double[3]));
        Refused("2 boxes and 1 scores", () => NonMaximumSuppression.Keep<double>(Pair, [1], [], 0.5));
        Refused("2 boxes and 3 classes", () => NonMaximumSuppression.Keep<double>(Pair, [1, 2], [1, 2, 3], 0.5));
        Refused("Score 1 is NaN", () => NonMaximumSuppression.Keep<double>(Pair, [1, double.NaN], [], 0.5));
        Refused("[0, 1]", () => NonMaximumSuppression.Keep<double>(Pair, [1, 2], [], 1.5));
        Refused("sigma", () => SoftSuppression.Apply<double>(Pair, [1, 2], [], sigma: 0));
    }
}
