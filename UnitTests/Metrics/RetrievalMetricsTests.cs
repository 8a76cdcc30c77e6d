using System.Globalization;
using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.UnitTests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Metrics;

[TestClass]
public class RetrievalMetricsTests
{
    public static IEnumerable<object?[]> Cases() => GoldenMetric.Rows("Retrieval");

    public static string CaseName(System.Reflection.MethodInfo method, object?[] data) => data[0]?.ToString() ?? "no golden values";

    [TestMethod]
    [DynamicData(nameof(Cases), DynamicDataDisplayName = nameof(CaseName))]
    public void MatchesTheReference(object? row)
    {
        var golden = GoldenMetric.Of(row);
        using var scope = NewDisposeScope();
        object metrics = golden.Json.GetProperty("kind").GetString() == "retrieval" ? Retrieval(golden) : Verification(golden);
        foreach (var expected in golden.Json.GetProperty("expected").EnumerateObject())
        {
            var value = metrics.GetType().GetProperty(char.ToUpperInvariant(expected.Name[0]) + expected.Name[1..])?.GetValue(metrics);
            if (expected.Value.ValueKind == JsonValueKind.Object)
                foreach (var one in expected.Value.EnumerateObject())
                    golden.AssertClose(
                        $"{expected.Name} {one.Name}",
                        [one.Value.GetDouble()],
                        [
                            value is IReadOnlyDictionary<int, double> ranks
                                ? ranks[int.Parse(one.Name, CultureInfo.InvariantCulture)]
                                : ((IReadOnlyDictionary<double, double>)value!)[double.Parse(one.Name, CultureInfo.InvariantCulture)],
                        ]
                    );
            else
                golden.AssertClose(expected.Name, [expected.Value.GetDouble()], [Convert.ToDouble(value, CultureInfo.InvariantCulture)]);
        }
    }

    [TestMethod]
    public void TwoClassesByHand()
    {
        // On a line: A0 A1 B1 B0 with distances 1, 1, 3. A0 finds A1 first; A1 finds A0 and B1 at one distance (A0 is nearer by 0.1).
        using var scope = NewDisposeScope();
        var points = tensor(new[] { 0f, 1f, 2.1f, 5f }).unsqueeze(1);
        var labels = tensor(new long[] { 0, 0, 1, 1 });
        var metrics = RetrievalMetrics.Evaluate(points, labels, new EuclideanDistance { Normalize = false }, [1, 2, 3]);
        // B1's nearest is A1, then A0, then B0; B0's nearest is B1.
        Assert.AreEqual(4, metrics.Queries);
        Assert.AreEqual(0.75, metrics.PrecisionAt1);
        Assert.AreEqual(0.75, metrics.RecallAt[2]);
        Assert.AreEqual(1, metrics.RecallAt[3]);
        Assert.AreEqual(0.75, metrics.MeanAveragePrecisionAtR);
    }

    [TestMethod]
    public void WhatDoesNotFitIsRefused()
    {
        using var scope = NewDisposeScope();
        var (rows, labels) = (ones(3, 2), tensor(new long[] { 0, 1, 2 }));
        void Refused(string part, Action act) => StringAssert.Contains(Assert.Throws<ArgumentException>(act).Message, part);
        Refused("No query has a row of its class", () => RetrievalMetrics.Evaluate(rows, labels));
        Refused("[N, D]", () => RetrievalMetrics.Evaluate(ones(3), labels));
        Refused("one a row, [3]", () => RetrievalMetrics.Evaluate(rows, labels[..2]));
        Refused("not finite", () => RetrievalMetrics.Evaluate(rows * float.NaN, labels));
        Refused("integer type", () => RetrievalMetrics.Evaluate(rows, ones(3)));
        Refused("2 features, those of the gallery 4", () => RetrievalMetrics.Evaluate(rows, labels, ones(3, 4), labels));
        Refused("at least 1", () => RetrievalMetrics.Evaluate(rows, zeros(3, int64), ks: [0]));
        Refused("Every pair shows the same", () => VerificationMetrics.Evaluate(new double[] { 1, 2 }, [true, true]));
        Refused("No pair shows the same", () => VerificationMetrics.Evaluate(new double[] { 1, 2 }, [false, false]));
        Refused("pair 1 is NaN", () => VerificationMetrics.Evaluate(new double[] { 1, double.NaN }, [false, true]));
        Refused("2 scores for 1 pairs", () => VerificationMetrics.Evaluate(new double[] { 1, 2 }, [true]));
        Refused("same shape", () => VerificationMetrics.Evaluate(rows, rows[..2], [true, false, true]));
    }

    private static RetrievalMetrics Retrieval(GoldenMetric golden)
    {
        var distance = (Distance)DefinitionJson.Deserialize(golden.Options.GetProperty("distance").GetRawText(), typeof(Distance));
        int[] ks = [.. golden.Options.GetProperty("ks").EnumerateArray().Select(k => k.GetInt32())];
        var (embeddings, labels) = (golden.Tensor("embeddings"), golden.Tensor("labels"));
        return golden.Has("referenceLabels")
            ? RetrievalMetrics.Evaluate(
                embeddings,
                labels,
                golden.Tensor("referenceEmbeddings"),
                golden.Tensor("referenceLabels"),
                distance,
                ks
            )
            : RetrievalMetrics.Evaluate(embeddings, labels, distance, ks);
    }

    private static VerificationMetrics Verification(GoldenMetric golden)
    {
        double[] rates = [.. golden.Options.GetProperty("fars").EnumerateArray().Select(f => f.GetDouble())];
        return golden.Has("scores")
            ? VerificationMetrics.Evaluate(golden.Numbers("scores"), golden.Flags("same"), rates)
            : VerificationMetrics.Evaluate(golden.Tensor("embeddingsA"), golden.Tensor("embeddingsB"), golden.Flags("same"), rates);
    }
}
