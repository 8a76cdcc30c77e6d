using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetLosses.Masks;

/// <summary>What segmentation needs of a file of COCO annotations.</summary>
internal sealed record CocoFile
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectRequiredConstructorParameters = true,
        Converters = { new CocoSegmentConverter() },
    };

    public required List<Image> Images { get; init; }

    public required List<Annotation> Annotations { get; init; }

    public required List<Category> Categories { get; init; }

    public sealed record Image(long Id, string FileName, int Width, int Height);

    public sealed record Category(long Id, string Name);

    public sealed record Annotation(long ImageId, long CategoryId, CocoSegment? Segmentation = null, long Id = 0, double Area = 0);

    /// <exception cref="InvalidDataException">The file is not such JSON.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static CocoFile Read(string path)
    {
        using var stream = File.OpenRead(path);
        try
        {
            return JsonSerializer.Deserialize<CocoFile>(stream, Json) ?? throw new InvalidDataException($"'{path}' is empty.");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new InvalidDataException($"'{path}' is no file of COCO annotations of instances: {e.Message}", e);
        }
    }
}

/// <summary>The shape of an annotation: polygons, or runs.</summary>
/// <param name="Polygons">x, y, x, y, ... each.</param>
/// <param name="Runs">Lengths of runs.</param>
/// <param name="Height">Rows of the runs.</param>
/// <param name="Width">Columns of the runs.</param>
internal sealed record CocoSegment(double[][]? Polygons, long[]? Runs = null, int Height = 0, int Width = 0)
{
    /// <summary>Writes a value into [height, width].</summary>
    /// <exception cref="FormatException">The runs are of another size.</exception>
    public void Paint(Span<byte> target, int width, byte value)
    {
        foreach (var polygon in Polygons ?? [])
            PolygonFill.Polygon(polygon, target, width, value);
        if (Runs is null)
            return;
        if (Width != width || Height * Width != target.Length)
            throw new FormatException($"the runs are of {Width} x {Height} pixels, the image is of {width} x {target.Length / width}.");
        RunLengths.Paint(Runs, target, width, value);
    }
}

internal sealed class CocoSegmentConverter : JsonConverter<CocoSegment>
{
    public override CocoSegment Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            var polygons = JsonSerializer.Deserialize<double[][]>(ref reader)!;
            return Array.Find(polygons, p => p.Length < 6 || p.Length % 2 != 0) is { } wrong
                ? throw new FormatException($"a polygon has {wrong.Length} numbers; an x and a y for each of at least 3 points are needed.")
                : new(polygons);
        }
        var runs = JsonSerializer.Deserialize<RunsJson>(ref reader) ?? throw new FormatException("a segmentation is empty.");
        return new(
            null,
            runs.Counts.ValueKind == JsonValueKind.String
                ? [.. RunLengths.Parse(runs.Counts.GetString()!)]
                : runs.Counts.Deserialize<long[]>(),
            runs.Size is [var height, _] ? height : throw new FormatException("a run-length mask needs a size of [height, width]."),
            runs.Size[1]
        );
    }

    public override void Write(Utf8JsonWriter writer, CocoSegment value, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    private sealed record RunsJson(
        [property: JsonPropertyName("counts")] JsonElement Counts,
        [property: JsonPropertyName("size")] int[] Size
    );
}
