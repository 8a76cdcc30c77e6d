using System.Buffers.Binary;
using System.Text.Json;

namespace MLNetLosses.Networks;

/// <summary>
/// Reads safetensors: 8 bytes little-endian length of the header, the header as a JSON object
/// <c>name -> {dtype, shape, data_offsets: [begin, end)}</c> with an optional <c>__metadata__</c>, then the elements, little-endian.
/// </summary>
internal static class SafetensorsReader
{
    public const string MetadataName = "__metadata__";

    /// <summary>The format's own limit.</summary>
    private const long LongestHeader = 100_000_000;

    private static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false, MaxDepth = 4 };

    /// <summary>Do the first bytes look like this format?</summary>
    public static bool Recognizes(ReadOnlySpan<byte> start) =>
        start.Length >= 9 && start[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= LongestHeader;

    public static (Dictionary<string, StoredTensor> Tensors, Dictionary<string, string> Metadata) Read(ByteSource source)
    {
        var cursor = new ByteCursor(source, 0, source.Length);
        var headerLength = cursor.ReadUInt64();
        if (headerLength > (ulong)Math.Min(LongestHeader, cursor.Remaining))
            throw source.Error($"its header of {headerLength} bytes is longer than the file or than the {LongestHeader} bytes allowed", 0);
        try
        {
            using var header = JsonDocument.Parse(cursor.ReadBytes((long)headerLength), Json);
            return ReadHeader(source, header.RootElement, cursor.Position);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            // InvalidOperationException stands for a value of another kind than asked for, or a string that is no UTF-8.
            throw source.Error($"its header is not what safetensors holds: {error.Message}", inner: error);
        }
    }

    private static (Dictionary<string, StoredTensor>, Dictionary<string, string>) ReadHeader(
        ByteSource source,
        JsonElement header,
        long data
    )
    {
        Dictionary<string, StoredTensor> tensors = [];
        Dictionary<string, string> metadata = [];
        List<(long Begin, long End, string Name)> parts = [];
        foreach (var property in header.EnumerateObject())
        {
            if (property.Name == MetadataName)
            {
                foreach (var entry in property.Value.EnumerateObject())
                    metadata.Add(entry.Name, entry.Value.GetString() ?? "");
                continue;
            }
            var (tensor, begin, end) = ReadTensor(source, property, data);
            tensors.Add(property.Name, tensor);
            parts.Add((begin, end, property.Name));
        }
        parts.Sort();
        var next = 0L;
        foreach (var (begin, end, name) in parts)
        {
            if (begin != next)
                throw source.Error(
                    $"tensor '{name}' starts at {begin} of the data, where {next} was expected: gaps and overlaps are not allowed",
                    data
                );
            next = end;
        }
        if (next != source.Length - data)
            throw source.Error($"its header describes {next} bytes of data, but {source.Length - data} follow", data);
        return (tensors, metadata);
    }

    private static (StoredTensor Tensor, long Begin, long End) ReadTensor(ByteSource source, JsonProperty property, long data)
    {
        var name = property.Name;
        var dtype = property.Value.GetProperty("dtype").GetString() ?? "";
        var type =
            ElementTypes.FromSafetensors(dtype)
            ?? throw source.Error(
                $"tensor '{name}' has elements of type '{dtype}'",
                cure: $"Save it with one of the types {ElementTypes.AllSafetensors}."
            );
        long[] shape = [.. property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
        long[] offsets = [.. property.Value.GetProperty("data_offsets").EnumerateArray().Select(place => place.GetInt64())];
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > source.Length - data)
            throw source.Error($"tensor '{name}' lies at [{string.Join(", ", offsets)}) of {source.Length - data} bytes of data");
        var (begin, end) = (offsets[0], offsets[1]);
        var storage = new StoredStorage(source, type, (end - begin) / type.Size, data + begin);
        var tensor = new StoredTensor(storage, 0, shape, StoredTensor.ContiguousStrides(shape));
        if (tensor.Count * type.Size != end - begin)
            throw source.Error(
                $"tensor '{name}' of shape [{string.Join(", ", shape)}] and type {dtype} does not fill its {end - begin} bytes"
            );
        return (tensor, begin, end);
    }
}
