using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace MLNetLosses.Training;

/// <summary>Lines of a training log as JSON.</summary>
internal static class LogJson
{
    private const string Kind = "kind";

    private static readonly (string Name, Type Type)[] Kinds =
    [
        ("run", typeof(RunRecord)),
        ("steps", typeof(StepsRecord)),
        ("epoch", typeof(EpochRecord)),
        ("finding", typeof(FindingRecord)),
        ("end", typeof(EndRecord)),
    ];

    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // a log is not put into a page as it is
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new ShortNumberConverter() },
    };

    public static string Write(LogRecord record)
    {
        var type = record.GetType();
        var line = JsonSerializer.SerializeToUtf8Bytes(record, type, Options);
        return $"{{\"{Kind}\":\"{Array.Find(Kinds, k => k.Type == type).Name}\",{System.Text.Encoding.UTF8.GetString(line)[1..]}";
    }

    /// <summary>A line; null for a kind that this version does not know.</summary>
    /// <exception cref="JsonException">It is no line of a log.</exception>
    public static LogRecord? Read(string line)
    {
        var node = JsonNode.Parse(line) as JsonObject ?? throw new JsonException("a JSON object is wanted");
        var kind =
            node[Kind] is JsonValue value && value.TryGetValue<string>(out var text) ? text : throw new JsonException("it has no kind");
        return Array.Find(Kinds, k => k.Name == kind).Type is { } type ? (LogRecord?)node.Deserialize(type, Options) : null;
    }

    // Six digits say all that these numbers mean; a third of the bytes.
    private sealed class ShortNumberConverter : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType != JsonTokenType.String
                ? reader.GetDouble()
                : reader.GetString() switch
                {
                    "NaN" => double.NaN,
                    "Infinity" => double.PositiveInfinity,
                    "-Infinity" => double.NegativeInfinity,
                    var other => throw new JsonException($"'{other}' is no number"),
                };

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsNaN(value))
                writer.WriteStringValue("NaN");
            else if (double.IsInfinity(value))
                writer.WriteStringValue(value > 0 ? "Infinity" : "-Infinity");
            else
                writer.WriteRawValue(value.ToString("G6", System.Globalization.CultureInfo.InvariantCulture), skipInputValidation: true);
        }
    }
}
