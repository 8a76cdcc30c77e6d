using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using MLNetLosses.Losses;

namespace MLNetLosses.Scoring;

/// <summary>Definitions inside other JSON, in their own form.</summary>
internal sealed class DefinitionJsonConverter : JsonConverter<Definition>
{
    public override bool CanConvert(Type typeToConvert) => typeof(Definition).IsAssignableFrom(typeToConvert);

    public override Definition Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DefinitionJson.Deserialize(JsonNode.Parse(ref reader)?.ToJsonString() ?? "null", typeToConvert);

    public override void Write(Utf8JsonWriter writer, Definition value, JsonSerializerOptions options) =>
        value.ToJsonNode().WriteTo(writer);
}
