using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.UnitTests.Golden;

namespace MLNetLosses.UnitTests.Metrics;

[TestClass]
public class SurfaceDistancesTests
{
    [TestMethod]
    [DynamicData(nameof(Cases), DynamicDataDisplayName = nameof(CaseName))]
    public void MatchesTheReference(string? name, JsonElement golden)
    {
        if (name is null)
            Assert.Inconclusive("No golden values of metrics: set MLNETLOSSES_GOLDEN_METRICS to their folder to run these tests.");
        byte[] Mask(string which) =>
            [.. golden.GetProperty("inputs").GetProperty(which).GetProperty("data").EnumerateArray().Select(v => v.GetByte())];
        var width = golden.GetProperty("inputs").GetProperty("target").GetProperty("shape")[1].GetInt32();
        var options = golden.GetProperty("options");
        var spacing = options.GetProperty("spacing");
        var found = SurfaceDistances.Between(
            Mask("prediction"),
            Mask("target"),
            width,
            options.GetProperty("tolerance").GetDouble(),
            (spacing[0].GetDouble(), spacing[1].GetDouble())
        );
        foreach (var expected in golden.GetProperty("expected").EnumerateObject())
        {
            var value = expected.Value.GetProperty("data")[0];
            var want = value.ValueKind == JsonValueKind.String ? double.Parse(value.GetString()!) : value.GetDouble();
            var got = (double)
                typeof(SurfaceDistances).GetProperty(char.ToUpperInvariant(expected.Name[0]) + expected.Name[1..])!.GetValue(found)!;
            Assert.IsTrue(
                double.IsFinite(want)
                    ? Math.Abs(want - got) <= 1e-12 + golden.GetProperty("rtol").GetDouble() * Math.Abs(want)
                    : want.Equals(got),
                $"{expected.Name}: {got:R} instead of {want:R}"
            );
        }
    }

    public static IEnumerable<object?[]> Cases()
    {
        var folder = GoldenFolder.Find("MLNETLOSSES_GOLDEN_METRICS", "golden-metrics");
        var file = folder is null ? null : Path.Combine(folder, "SurfaceDistance.json");
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
    public void EveryDistanceIsThatOfANaiveSearch()
    {
        var random = new Random(5);
        for (var round = 0; round < 20; round++)
        {
            var (width, height) = (random.Next(3, 20), random.Next(3, 20));
            byte[] Blob() => [.. Enumerable.Range(0, width * height).Select(_ => (byte)(random.Next(3) == 0 ? 1 : 0))];
            var (p, t) = (Blob(), Blob());
            if (p.All(v => v == 0) || t.All(v => v == 0))
                continue;
            (int X, int Y)[] Edge(byte[] mask)
            {
                bool Set(int x, int y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] != 0;
                return
                [
                    .. from y in Enumerable.Range(0, height)
                    from x in Enumerable.Range(0, width)
                    where Set(x, y) && !(Set(x - 1, y) && Set(x + 1, y) && Set(x, y - 1) && Set(x, y + 1))
                    select (x, y),
                ];
            }
            var (a, b) = (Edge(p), Edge(t));
            double Nearest((int X, int Y) from, (int X, int Y)[] to) =>
                to.Min(q => double.Hypot((from.X - q.X) * 0.5, (from.Y - q.Y) * 2.0));
            double[] distances = [.. a.Select(q => Nearest(q, b)), .. b.Select(q => Nearest(q, a))];
            var found = SurfaceDistances.Between(p, t, width, 1, (2, 0.5));
            Assert.AreEqual(distances.Max(), found.HausdorffDistance, 1e-12);
            Assert.AreEqual(distances.Count(d => d <= 1) / (double)distances.Length, found.SurfaceDice, 1e-12);
        }
    }
}
