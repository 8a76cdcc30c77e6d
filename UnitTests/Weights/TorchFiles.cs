using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace MLNetLosses.UnitTests.Weights;

/// <summary>Writes the bytes of files as torch.save does, and such as it never would.</summary>
internal static class TorchFiles
{
    public readonly record struct Entry(string Name, byte[] Data, ushort Method = 0, uint? ClaimedSize = null);

    /// <summary>A zip file of entries stored as they are.</summary>
    public static byte[] Zip(IEnumerable<Entry> entries, bool zip64 = false)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        using var directory = new MemoryStream();
        using var directoryWriter = new BinaryWriter(directory);
        var count = 0;
        foreach (var (name, data, method, claimed) in entries)
        {
            var (header, bytes) = ((uint)stream.Position, Encoding.UTF8.GetBytes(name));
            var size = claimed ?? (uint)data.Length;
            writer.Write("PK\x3\x4"u8);
            WriteCommon(writer, method, size);
            writer.Write((ushort)bytes.Length);
            writer.Write((ushort)6);
            writer.Write(bytes);
            // PyTorch pads with such a field so that the data are aligned.
            writer.Write([(byte)'F', (byte)'B', 2, 0, 0, 0]);
            writer.Write(data);
            directoryWriter.Write("PK\x1\x2"u8);
            directoryWriter.Write((ushort)0);
            WriteCommon(directoryWriter, method, zip64 ? uint.MaxValue : size);
            directoryWriter.Write((ushort)bytes.Length);
            directoryWriter.Write((ushort)(zip64 ? 28 : 0));
            directoryWriter.Write(new byte[10]);
            directoryWriter.Write(zip64 ? uint.MaxValue : header);
            directoryWriter.Write(bytes);
            if (zip64)
            {
                directoryWriter.Write([1, 0, 24, 0]);
                directoryWriter.Write((ulong)size);
                directoryWriter.Write((ulong)size);
                directoryWriter.Write((ulong)header);
            }
            count++;
        }
        var start = stream.Position;
        directory.WriteTo(stream);
        if (zip64)
        {
            var end = stream.Position;
            writer.Write("PK\x6\x6"u8);
            writer.Write(44UL);
            writer.Write(new byte[12]);
            writer.Write((ulong)count);
            writer.Write((ulong)count);
            writer.Write((ulong)directory.Length);
            writer.Write((ulong)start);
            writer.Write("PK\x6\x7"u8);
            writer.Write(0);
            writer.Write((ulong)end);
            writer.Write(1);
        }
        writer.Write("PK\x5\x6"u8);
        writer.Write(0);
        writer.Write((ushort)count);
        writer.Write((ushort)count);
        writer.Write(zip64 ? uint.MaxValue : (uint)directory.Length);
        writer.Write(zip64 ? uint.MaxValue : (uint)start);
        writer.Write((ushort)0);
        return stream.ToArray();
    }

    /// <summary>What torch.save writes since 1.6: the pickle, and storages by key.</summary>
    public static byte[] Torch(byte[] pickle, params (string Key, byte[] Data)[] storages) => Torch(pickle, "little", storages);

    public static byte[] Torch(byte[] pickle, string byteOrder, params (string Key, byte[] Data)[] storages) =>
        Zip([
            new("archive/data.pkl", pickle),
            new("archive/byteorder", Encoding.UTF8.GetBytes(byteOrder)),
            .. storages.Select(storage => new Entry($"archive/data/{storage.Key}", storage.Data)),
            new("archive/version", "3\n"u8.ToArray()),
        ]);

    /// <summary>What torch.save wrote before 1.6.</summary>
    public static byte[] Legacy(byte[] pickle, bool littleEndian, params (string Key, int Count, byte[] Data)[] storages)
    {
        var magic = BigInteger.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, null);
        using var stream = new MemoryStream();
        stream.Write(new Pickle().Long(magic).Done());
        stream.Write(new Pickle().Int(1001).Done());
        stream.Write(
            new Pickle().Dict().Mark().Text("protocol_version").Int(1001).Text("little_endian").Bool(littleEndian).SetItems().Done()
        );
        stream.Write(pickle);
        var keys = new Pickle().List().Mark();
        foreach (var (key, _, _) in storages)
            keys.Text(key);
        stream.Write(keys.Appends().Done());
        Span<byte> count = stackalloc byte[8];
        foreach (var (_, elements, data) in storages)
        {
            BinaryPrimitives.WriteInt64LittleEndian(count, elements);
            stream.Write(count);
            stream.Write(data);
        }
        return stream.ToArray();
    }

    public static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    private static void WriteCommon(BinaryWriter writer, ushort method, uint size)
    {
        writer.Write((ushort)0);
        writer.Write((ushort)0x808);
        writer.Write(method);
        writer.Write(new byte[8]);
        writer.Write(size);
        writer.Write(size);
    }
}
