using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

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
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOutRowsThatWereNotFollowed } },
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

    // None was hard or suspect, or nobody looked: an empty list would not tell which.
    private static void LeaveOutRowsThatWereNotFollowed(JsonTypeInfo type)
    {
        if (type.Type != typeof(TrainRecord))
            return;
        foreach (var member in type.Properties.Where(m => m.Name is "hardestRows" or "suspectRows" or "suspectCount" or "rowCount"))
            member.ShouldSerialize = (train, _) => ((TrainRecord)train).RowCount > 0;
    }

    // Six digits say all that measured numbers mean; a third of the bytes. Whole numbers are counts, such as pixels, and stay as they are.
    private sealed class ShortNumberConverter : JsonConverter<double>
    {
        private const double LargestWhole = 1L << 53;

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
            else if (value == Math.Floor(value) && Math.Abs(value) <= LargestWhole)
                writer.WriteNumberValue((long)value);
            else
                writer.WriteRawValue(value.ToString("G6", System.Globalization.CultureInfo.InvariantCulture), skipInputValidation: true);
        }
    }
}
