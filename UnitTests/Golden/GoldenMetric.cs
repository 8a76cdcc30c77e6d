using System.Globalization;
using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Golden;

/// <summary>One case of the reference values of a metric, without tensors.</summary>
internal sealed record GoldenMetric(string Metric, string Name, JsonElement Json)
{
    public JsonElement Options => Json.GetProperty("options");

    public override string ToString() => $"{Metric}: {Name}";

    public bool Has(string input) => Json.GetProperty("inputs").TryGetProperty(input, out _);

    public double[] Numbers(string input) => Values(Json.GetProperty("inputs").GetProperty(input));

    public Tensor Tensor(string input) => GoldenCase.Read(Json.GetProperty("inputs").GetProperty(input), ScalarType.Float64);

    public int[] Integers(string input) => [.. Numbers(input).Select(value => (int)value)];

    public bool[] Flags(string input) => [.. Numbers(input).Select(value => value != 0)];

    public void AssertClose(string what, double[] expected, double[] actual)
    {
        Assert.HasCount(expected.Length, actual, what);
        for (var i = 0; i < expected.Length; i++)
        {
            var (want, got) = (expected[i], actual[i]);
            Assert.IsTrue(
                double.IsNaN(want)
                    ? double.IsNaN(got)
                    : Math.Abs(want - got) <= 1e-12 + Json.GetProperty("rtol").GetDouble() * Math.Abs(want),
                $"{this}, {what}[{i}]: {got:R} instead of {want:R}"
            );
        }
    }

    public static double[] Values(JsonElement tensor) =>
        tensor.ValueKind == JsonValueKind.Object ? [.. tensor.GetProperty("data").EnumerateArray().Select(Number)] : [Number(tensor)];

    /// <summary>The cases of a metric as rows of a test; one row of null where there are none.</summary>
    public static IEnumerable<object?[]> Rows(string metric)
    {
        var folder = GoldenFolder.Find("MLNETLOSSES_GOLDEN_METRICS", "golden-metrics");
        var file = folder is null ? null : Path.Combine(folder, metric + ".json");
        if (!File.Exists(file))
            return
            [
                [null],
            ];
        return JsonDocument
            .Parse(File.ReadAllBytes(file))
            .RootElement.GetProperty("cases")
            .EnumerateArray()
            .Select(one => new object?[] { new GoldenMetric(metric, one.GetProperty("name").GetString()!, one) });
    }

    /// <summary>The case of a row; the test is skipped where there is none.</summary>
    public static GoldenMetric Of(object? row)
    {
        if (row is null)
            Assert.Inconclusive("No golden values of metrics: set MLNETLOSSES_GOLDEN_METRICS to their folder to run these tests.");
        return (GoldenMetric)row;
    }

    private static double Number(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.True => 1,
            JsonValueKind.False => 0,
            JsonValueKind.String => double.Parse(value.GetString()!, CultureInfo.InvariantCulture),
            _ => value.GetDouble(),
        };
}
