using System.Text.Json.Nodes;

namespace MLNetLosses.Training;

/// <summary>What must be the same for a training to be resumed: options, loss, number of batches, and the task's own facts.</summary>
internal static class TrainingIdentity
{
    public static JsonObject Of(TrainingJob job)
    {
        var facts = new JsonObject();
        foreach (var (name, value) in job.Facts.OrderBy(f => f.Key, StringComparer.Ordinal))
            facts[name] = value;
        return new()
        {
            ["options"] = job.Options.ToJsonNode(),
            ["loss"] = job.Loss.Definition.ToJsonNode(),
            ["batches"] = job.Batches.BatchCount,
            ["facts"] = facts,
        };
    }

    /// <summary>What differs, in words.</summary>
    public static IReadOnlyList<string> Differences(JsonNode saved, JsonNode present)
    {
        var (before, now) = (Leaves(saved), Leaves(present));
        return
        [
            .. before
                .Keys.Union(now.Keys)
                .Where(path => before.GetValueOrDefault(path) != now.GetValueOrDefault(path))
                .Order(StringComparer.Ordinal)
                .Select(path =>
                    $"{path} was {before.GetValueOrDefault(path) ?? "not given"} and is {now.GetValueOrDefault(path) ?? "not given"}"
                ),
        ];
    }

    private static Dictionary<string, string> Leaves(JsonNode node)
    {
        var leaves = new Dictionary<string, string>();
        Collect(node, "");
        return leaves;

        void Collect(JsonNode? part, string path)
        {
            switch (part)
            {
                case JsonObject members:
                    foreach (var (name, value) in members)
                        Collect(value, path.Length == 0 ? name : $"{path}.{name}");
                    break;
                case JsonArray items:
                    leaves[path + ".count"] = items.Count.ToString();
                    for (var i = 0; i < items.Count; i++)
                        Collect(items[i], $"{path}[{i}]");
                    break;
                default:
                    leaves[path] = part?.ToJsonString() ?? "null";
                    break;
            }
        }
    }
}
