using System.Text;

namespace MLNetLosses.Networks;

/// <summary>
/// Where the entries of a zip file lie. PyTorch stores them uncompressed, so an entry is a part of the file and nothing is unpacked;
/// compressed, encrypted, overlapping or outlying entries are refused.
/// </summary>
internal static class ZipDirectory
{
    private const uint LocalHeader = 0x04034b50;
    private const uint CentralHeader = 0x02014b50;
    private const uint EndOfDirectory = 0x06054b50;
    private const uint EndOfDirectory64 = 0x06064b50;
    private const uint Locator64 = 0x07064b50;
    private const long LongestDirectory = 1 << 26;

    /// <summary>A part of the file.</summary>
    internal readonly record struct Entry(long Position, long Length);

    public static bool Recognizes(ReadOnlySpan<byte> start) => start.StartsWith("PK\x3\x4"u8);

    public static Dictionary<string, Entry> Read(ByteSource source)
    {
        var (position, length, count) = FindDirectory(source);
        if (length > LongestDirectory)
            throw source.Error($"its directory of {length} bytes is longer than the {LongestDirectory} allowed", position);
        var cursor = new ByteCursor(source, position, length);
        Dictionary<string, Entry> entries = [];
        List<(long Start, long End, string Name)> parts = [(position, source.Length, "the directory")];
        for (ulong i = 0; i < count; i++)
        {
            var (name, size, header) = ReadCentralHeader(source, cursor);
            var data = FindData(source, header);
            if (size > position - data)
                throw source.Error($"entry '{name}' of {size} bytes reaches into the directory", data);
            if (!entries.TryAdd(name, new(data, size)))
                throw source.Error($"it holds two entries named '{name}'", header);
            parts.Add((header, data + size, name));
        }
        parts.Sort();
        for (var i = 1; i < parts.Count; i++)
            if (parts[i].Start < parts[i - 1].End)
                throw source.Error($"entries '{parts[i - 1].Name}' and '{parts[i].Name}' overlap", parts[i].Start);
        return entries;
    }

    private static (long Position, long Length, ulong Count) FindDirectory(ByteSource source)
    {
        const int endLength = 22;
        var tail = new byte[Math.Min(source.Length, endLength + ushort.MaxValue)];
        var tailStart = source.Length - tail.Length;
        source.Read(tailStart, tail);
        var end = tail.AsSpan().LastIndexOf("PK\x5\x6"u8);
        if (end < 0 || end > tail.Length - endLength)
            throw source.Error("the directory at the end of the zip file is missing", source.Length);
        var cursor = new ByteCursor(source, tailStart + end, endLength);
        Expect(source, cursor, EndOfDirectory);
        cursor.Skip(6);
        ulong count = cursor.ReadUInt16();
        ulong length = cursor.ReadUInt32();
        ulong position = cursor.ReadUInt32();
        if (count == ushort.MaxValue || length == uint.MaxValue || position == uint.MaxValue)
            (count, length, position) = ReadDirectory64(source, tailStart + end);
        if (position > (ulong)source.Length || length > (ulong)source.Length - position)
            throw source.Error($"its directory of {length} bytes at byte {position} lies outside the file", tailStart + end);
        return ((long)position, (long)length, count);
    }

    private static (ulong Count, ulong Length, ulong Position) ReadDirectory64(ByteSource source, long end)
    {
        const int locatorLength = 20;
        var cursor = new ByteCursor(source, end - locatorLength, locatorLength);
        Expect(source, cursor, Locator64);
        cursor.Skip(4);
        cursor = new(source, cursor.ReadInt64(), 56);
        Expect(source, cursor, EndOfDirectory64);
        cursor.Skip(28);
        var count = cursor.ReadUInt64();
        return (count, cursor.ReadUInt64(), cursor.ReadUInt64());
    }

    private static (string Name, long Size, long Header) ReadCentralHeader(ByteSource source, ByteCursor cursor)
    {
        Expect(source, cursor, CentralHeader);
        cursor.Skip(4);
        var encrypted = (cursor.ReadUInt16() & 1) != 0;
        var method = cursor.ReadUInt16();
        cursor.Skip(8);
        ulong stored = cursor.ReadUInt32();
        ulong size = cursor.ReadUInt32();
        var (nameLength, extraLength, commentLength) = (cursor.ReadUInt16(), cursor.ReadUInt16(), cursor.ReadUInt16());
        cursor.Skip(8);
        ulong header = cursor.ReadUInt32();
        var name = Encoding.UTF8.GetString(cursor.ReadBytes(nameLength));
        var left = (int)extraLength;
        while (left >= 4)
        {
            var (id, fieldLength) = (cursor.ReadUInt16(), cursor.ReadUInt16());
            left -= 4;
            if (fieldLength > left)
                throw source.Error($"entry '{name}' has a malformed extra field", cursor.Position);
            var field = new ByteCursor(source, cursor.Position, fieldLength);
            if (id == 1)
            {
                size = size == uint.MaxValue ? field.ReadUInt64() : size;
                stored = stored == uint.MaxValue ? field.ReadUInt64() : stored;
                header = header == uint.MaxValue ? field.ReadUInt64() : header;
            }
            cursor.Skip(fieldLength);
            left -= fieldLength;
        }
        cursor.Skip(left + commentLength);
        if (encrypted || method != 0)
            throw source.Error(
                $"entry '{name}' is {(encrypted ? "encrypted" : "compressed")}",
                cursor.Position,
                "PyTorch stores the entries as they are: save the file again with torch.save, or pack it without compression."
            );
        if (size != stored || size > (ulong)source.Length || header > (ulong)source.Length)
            throw source.Error($"entry '{name}' claims {size} bytes, {stored} of them stored at byte {header}", cursor.Position);
        return (name, (long)size, (long)header);
    }

    /// <summary>The entry's data follow its local header, whose name and extra field may differ in length from the directory's.</summary>
    private static long FindData(ByteSource source, long header)
    {
        var cursor = new ByteCursor(source, header, Math.Min(30, source.Length - header));
        Expect(source, cursor, LocalHeader);
        cursor.Skip(22);
        return header + 30 + cursor.ReadUInt16() + cursor.ReadUInt16();
    }

    private static void Expect(ByteSource source, ByteCursor cursor, uint signature)
    {
        var at = cursor.Position;
        if (cursor.ReadUInt32() != signature)
            throw source.Error("a record of the zip file does not start as it should", at);
    }
}
