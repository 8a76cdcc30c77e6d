using System.Numerics;

namespace MLNetLosses.Networks;

/// <summary>
/// Reads what torch.save wrote before PyTorch 1.6: five pickles after one another (a magic number, the version, facts about the machine, the
/// value, the keys of the storages), then for each key 8 bytes number of elements and the elements.
/// </summary>
internal static class PyTorchLegacyReader
{
    private const long Version = 1001;
    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, null);
    private static readonly byte[] Start = [0x80, 2, 0x8a, 10, .. Magic.ToByteArray(), (byte)'.'];

    public static bool Recognizes(ReadOnlySpan<byte> start) => start.StartsWith(Start);

    public static object? Read(ByteSource source)
    {
        var cursor = new ByteCursor(source, 0, source.Length);
        Dictionary<string, StoredStorage> storages = [];
        if (ReadPlain() is not BigInteger magic || magic != Magic)
            throw source.Error("it does not start with PyTorch's magic number", 0);
        if (ReadPlain() is not Version)
            throw source.Error($"its version is not {Version}", cursor.Position);
        if (ReadPlain() is not PickledDictionary machine || machine.ByName().GetValueOrDefault("little_endian") is not true)
            throw source.Error("it was written big-endian", cursor.Position, "Save it on a little-endian machine, or as safetensors.");
        var value = new PickleMachine(source, cursor, FindStorage).Read();
        if (ReadPlain() is not List<object?> keys)
            throw source.Error("the list of its storages is missing", cursor.Position);
        HashSet<string> awaited = [.. storages.Keys];
        foreach (var key in keys)
        {
            if (key is not string name || !awaited.Remove(name))
                throw source.Error($"its list of storages names '{key}', which no tensor uses or which came before", cursor.Position);
            var (storage, at) = (storages[name], cursor.Position);
            if (cursor.ReadInt64() is var count && count != storage.Count)
                throw source.Error($"storage '{name}' has {count} elements, where its pickle announces {storage.Count}", at);
            storage.Place(cursor.Position);
            cursor.Skip(storage.Bytes);
        }
        if (awaited.Count > 0)
            throw source.Error($"storage '{awaited.First()}' is announced but does not follow", cursor.Position);
        return value;

        object? ReadPlain() =>
            new PickleMachine(source, cursor, _ => throw source.Error("there is a tensor where none is expected", cursor.Position)).Read();

        StoredStorage FindStorage(object?[] id)
        {
            var (type, key, count, view) = PickleTensors.ParseStorage(source, id);
            if (!storages.TryGetValue(key, out var storage))
                storages[key] = storage = new StoredStorage(source, type, count);
            if (storage.Type != type || storage.Count != count)
                throw source.Error($"storage '{key}' is announced in two different ways", cursor.Position);
            return view switch
            {
                null => storage,
                [_, long start, long length] => storage.View(start, length),
                _ => throw source.Error($"the view of storage '{key}' is malformed", cursor.Position),
            };
        }
    }
}
