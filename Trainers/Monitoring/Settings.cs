using System.Text.Json.Nodes;

namespace MLNetLosses.Training;

/// <summary>What a run was told: the loss, the loop's options and the task's settings, as text by name.</summary>
internal static class Settings
{
    public static IEnumerable<KeyValuePair<string, string>> Of(RunRecord run)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "loss" };
        yield return new("loss", run.Loss);
        foreach (var setting in run.Settings)
            if (seen.Add(setting.Key))
                yield return setting;
        foreach (var (name, value) in Members(run.Options as JsonObject))
            if (seen.Add(name))
                yield return new(name, value);
    }

    private static IEnumerable<(string, string)> Members(JsonObject? options)
    {
        foreach (var (name, value) in options ?? [])
            if (name != "training" && value is not null)
                yield return (name, value is JsonObject or JsonArray ? Compact(value) : value.ToString());
    }

    // {"optimizer": "Sgd", "learningRate": 0.1} reads better as Sgd(learningRate: 0.1).
    private static string Compact(JsonNode node)
    {
        if (node is not JsonObject members || members.Count == 0)
            return node.ToJsonString();
        var (_, kind) = members.First();
        if (kind is not JsonValue named || !named.TryGetValue<string>(out var name))
            return node.ToJsonString();
        var rest = members
            .Skip(1)
            .Where(m => m.Value is not null)
            .Select(m => $"{m.Key}: {(m.Value is JsonObject ? Compact(m.Value) : m.Value!.ToString())}");
        return members.Count == 1 ? name : $"{name}({string.Join(", ", rest)})";
    }
}
