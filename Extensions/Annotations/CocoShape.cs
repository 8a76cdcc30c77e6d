using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetLosses.Data;

/// <summary>The shape of an object of a COCO file, as it is written: polygons, or runs as numbers or as text.</summary>
/// <param name="Polygons">x, y, x, y, ... each.</param>
/// <param name="Runs">Lengths of runs.</param>
/// <param name="PackedRuns">The same as text.</param>
/// <param name="Size">Height and width of the runs.</param>
internal sealed record CocoShape(double[]?[]? Polygons, long[]? Runs, string? PackedRuns, int[]? Size);

/// <summary>Reads shapes.</summary>
internal sealed class CocoShapeConverter : JsonConverter<CocoShape>
{
    public override CocoShape? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.StartArray)
            return new(JsonSerializer.Deserialize<double[]?[]>(ref reader, options), null, null, null);
        if (JsonSerializer.Deserialize<Packed>(ref reader, options) is not { } packed)
            return null;
        return packed.Counts.ValueKind == JsonValueKind.String
            ? new(null, null, packed.Counts.GetString(), packed.Size)
            : new(null, packed.Counts.Deserialize<long[]>(options), null, packed.Size);
    }

    public override void Write(Utf8JsonWriter writer, CocoShape value, JsonSerializerOptions options) => throw new NotSupportedException();

    private sealed record Packed(JsonElement Counts, int[]? Size);
}

/// <summary>Passes over shapes.</summary>
internal sealed class SkippedCocoShape : JsonConverter<CocoShape>
{
    public override CocoShape? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        reader.Skip();
        return null;
    }

    public override void Write(Utf8JsonWriter writer, CocoShape value, JsonSerializerOptions options) => throw new NotSupportedException();
}
