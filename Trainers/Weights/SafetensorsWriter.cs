using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// Writes tensors and string metadata as safetensors. Large elements come first, so that each tensor is aligned to its element; within a
/// type the names are in ordinal order, so that the same tensors give the same bytes.
/// </summary>
internal static class SafetensorsWriter
{
    private const int Alignment = 8;
    private const long ChunkElements = 1 << 24;

    /// <summary>Writes a file whole or not at all (see <see cref="AtomicFile"/>).</summary>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IEnumerable<KeyValuePair<string, string>>? metadata = null
    )
    {
        // Refuse what cannot be written before anything is staged.
        var ordered = Order(tensors);
        AtomicFile.Write(path, stream => Write(stream, ordered, metadata));
    }

    /// <summary>Appends to a stream, which stays open.</summary>
    public static void Write(
        Stream stream,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IEnumerable<KeyValuePair<string, string>>? metadata = null
    ) => Write(stream, Order(tensors), metadata);

    private static void Write(Stream stream, KeyValuePair<string, Tensor>[] tensors, IEnumerable<KeyValuePair<string, string>>? metadata)
    {
        using var header = new MemoryStream();
        WriteHeader(header, tensors, metadata ?? []);
        while (header.Length % Alignment != 0)
            header.WriteByte((byte)' ');
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
        foreach (var (_, tensor) in tensors)
            WriteElements(stream, tensor);
    }

    private static void WriteHeader(
        Stream stream,
        KeyValuePair<string, Tensor>[] tensors,
        IEnumerable<KeyValuePair<string, string>> metadata
    )
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteStartObject(SafetensorsReader.MetadataName);
        foreach (var (key, value) in metadata)
            json.WriteString(key, value);
        json.WriteEndObject();
        var offset = 0L;
        foreach (var (name, tensor) in tensors)
        {
            json.WriteStartObject(name);
            json.WriteString("dtype", ElementTypes.ToSafetensors(tensor.dtype));
            json.WriteStartArray("shape");
            foreach (var size in tensor.shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(offset += tensor.NumberOfElements * tensor.dtype.Size);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteElements(Stream stream, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var elements = tensor.detach().cpu().contiguous().view(-1);
        for (long start = 0, count = elements.NumberOfElements; start < count; start += ChunkElements)
            stream.Write(elements.narrow(0, start, Math.Min(ChunkElements, count - start)).bytes);
    }

    private static KeyValuePair<string, Tensor>[] Order(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        HashSet<string> names = [];
        List<KeyValuePair<string, Tensor>> given = [.. tensors];
        foreach (var (name, tensor) in given)
        {
            if (name == SafetensorsReader.MetadataName)
                throw new ArgumentException(
                    $"A tensor cannot be named '{name}': the format keeps that name for its metadata.",
                    nameof(tensors)
                );
            if (!names.Add(name))
                throw new ArgumentException($"Two tensors are named '{name}'; the names must differ.", nameof(tensors));
            if (ElementTypes.ToSafetensors(tensor.dtype) is null)
                throw new ArgumentException(
                    $"Tensor '{name}' has elements of type {tensor.dtype}; convert it to one of {ElementTypes.AllSafetensors}.",
                    nameof(tensors)
                );
        }
        return
        [
            .. given
                .OrderByDescending(pair => pair.Value.dtype.Size)
                .ThenBy(pair => pair.Value.dtype)
                .ThenBy(pair => pair.Key, StringComparer.Ordinal),
        ];
    }
}
