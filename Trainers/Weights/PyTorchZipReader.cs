using System.Text;

namespace MLNetLosses.Networks;

/// <summary>
/// Reads what torch.save writes since PyTorch 1.6: a zip file with one folder, in it <c>data.pkl</c> (the pickle) and <c>data/KEY</c>
/// (the elements of each storage, little-endian).
/// </summary>
internal static class PyTorchZipReader
{
    private const string Pickle = "data.pkl";
    private const long LongestPickle = 1 << 26;

    public static object? Read(ByteSource source)
    {
        var entries = ZipDirectory.Read(source);
        var roots = entries.Keys.Where(name => name.EndsWith("/" + Pickle, StringComparison.Ordinal)).ToList();
        if (roots is not [var pickle])
            throw source.Error(
                $"the zip file holds {roots.Count} entries '{Pickle}', where one is expected",
                cure: "This is no file of torch.save: choose a .pth, .pt or .safetensors file."
            );
        var folder = pickle[..^Pickle.Length];
        CheckByteOrder(source, entries, folder);
        var (position, length) = entries[pickle];
        if (length > LongestPickle)
            throw source.Error($"its pickle of {length} bytes is longer than the {LongestPickle} allowed", position);
        var cursor = new ByteCursor(source, position, length);
        Dictionary<string, StoredStorage> storages = [];
        return new PickleMachine(source, cursor, FindStorage).Read();

        StoredStorage FindStorage(object?[] id)
        {
            var (type, key, count, _) = PickleTensors.ParseStorage(source, id);
            if (storages.TryGetValue(key, out var known) && known.Type == type && known.Count == count)
                return known;
            if (!entries.TryGetValue($"{folder}data/{key}", out var entry))
                throw source.Error($"the zip file lacks the entry '{folder}data/{key}' that its pickle refers to", position);
            var storage = new StoredStorage(source, type, count, entry.Position);
            if (storage.Bytes != entry.Length)
                throw source.Error(
                    $"entry '{folder}data/{key}' has {entry.Length} bytes, where its pickle announces {storage.Bytes}",
                    entry.Position
                );
            return storages[key] = storage;
        }
    }

    private static void CheckByteOrder(ByteSource source, Dictionary<string, ZipDirectory.Entry> entries, string folder)
    {
        if (!entries.TryGetValue(folder + "byteorder", out var entry))
            return;
        var order = Encoding.UTF8.GetString(new ByteCursor(source, entry.Position, entry.Length).ReadBytes(Math.Min(entry.Length, 16)));
        if (order.Trim() != "little")
            throw source.Error($"its byte order is '{order}'", entry.Position, "Save it on a little-endian machine, or as safetensors.");
    }
}
