using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Golden;

/// <summary>One case of a folder of reference values: a loss, its inputs, and what the reference implementation computed.</summary>
internal sealed partial record GoldenCase(string Family, string Loss, string Name, JsonElement Json)
{
    public double RelativeTolerance => Json.GetProperty("rtol").GetDouble();
    public string Definition => Json.GetProperty("definition").GetRawText();
    public string Reduction => Json.GetProperty("reduction").GetString()!;
    public string? Note => Json.TryGetProperty("note", out var note) ? note.GetString() : null;

    /// <summary>1e-4 and 1e-6 unless the note states others.</summary>
    public (double Relative, double Absolute) SinglePrecisionTolerance
    {
        get
        {
            var stated = StatedTolerance().Match(Note ?? "");
            double Number(int group) => double.Parse(stated.Groups[group].Value, CultureInfo.InvariantCulture);
            return stated.Success ? (Number(1), Number(2)) : (1e-4, 1e-6);
        }
    }

    public override string ToString() => $"{Family}/{Loss}: {Name}";

    public Dictionary<string, Tensor> Tensors(string section, ScalarType precision) =>
        Json.TryGetProperty(section, out var tensors) && tensors.ValueKind == JsonValueKind.Object
            ? tensors.EnumerateObject().ToDictionary(t => t.Name, t => Read(t.Value, precision))
            : [];

    public Tensor Value(ScalarType precision) => Read(Json.GetProperty("value"), precision);

    public static Tensor Read(JsonElement json, ScalarType precision)
    {
        var shape = json.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray();
        var data = json.GetProperty("data").EnumerateArray();
        if (json.GetProperty("dtype").GetString() == "bool")
            return tensor(data.Select(v => v.ValueKind == JsonValueKind.Number ? v.GetInt64() != 0 : v.GetBoolean()).ToArray())
                .reshape(shape);
        if (json.GetProperty("dtype").GetString() == "int64")
            return tensor(data.Select(v => v.GetInt64()).ToArray(), ScalarType.Int64).reshape(shape);
        return tensor(data.Select(Number).ToArray(), ScalarType.Float64).to(precision).reshape(shape);
    }

    // "float32: rtol 0.001, atol 1e-05" or "float32: 1e-3 relative, 1e-5 absolute"
    [GeneratedRegex(@"float32: (?:rtol )?([\d.e-]+)(?: relative)?, (?:atol )?([\d.e-]+)")]
    private static partial Regex StatedTolerance();

    private static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? double.Parse(value.GetString()!, CultureInfo.InvariantCulture) : value.GetDouble();
}

/// <summary>The folder of reference values: the environment variable MLNETLOSSES_GOLDEN, else ../shared/golden beside the repository.</summary>
internal static class GoldenFolder
{
    public static string? Path { get; } = Find("MLNETLOSSES_GOLDEN", "golden");

    public static string? Find(string variable, string name)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
            return Directory.Exists(given)
                ? given
                : throw new DirectoryNotFoundException($"{variable} names {given}, which does not exist.");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "MLNetLosses.sln")))
            {
                var beside = System.IO.Path.Combine(folder.FullName, "..", "shared", name);
                return Directory.Exists(beside) ? System.IO.Path.GetFullPath(beside) : null;
            }
        return null;
    }

    public static IEnumerable<GoldenCase> Cases()
    {
        if (Path is null)
            yield break;
        foreach (var file in Directory.EnumerateFiles(Path, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var root = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;
            foreach (var one in root.GetProperty("cases").EnumerateArray())
                yield return new(
                    root.GetProperty("family").GetString()!,
                    root.GetProperty("loss").GetString()!,
                    one.GetProperty("name").GetString()!,
                    one
                );
        }
    }
}
