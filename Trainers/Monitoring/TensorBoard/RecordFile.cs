using System.Buffers.Binary;
using System.Numerics;

namespace MLNetLosses.Training;

/// <summary>
/// A TFRecord file: for each record its length (64 bits), the masked CRC-32C of the length, the bytes, and their masked CRC-32C; all little-endian.
/// </summary>
internal sealed class RecordFile : IDisposable
{
    private const uint MaskDelta = 0xa282ead8;
    private readonly FileStream file;

    /// <exception cref="IOException">It cannot be written.</exception>
    public RecordFile(string path)
    {
        Path = path;
        file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
    }

    public string Path { get; }

    /// <summary>Writes a record by one call of the operating system: a killed process leaves whole records.</summary>
    public void Write(ReadOnlySpan<byte> record)
    {
        var framed = new byte[16 + record.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(framed, (ulong)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(framed.AsSpan(8), MaskedCrc(framed.AsSpan(0, 8)));
        record.CopyTo(framed.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(framed.AsSpan(12 + record.Length), MaskedCrc(record));
        file.Write(framed);
    }

    public void Dispose() => file.Dispose();

    /// <summary>CRC-32C, rotated and shifted, so that the check of data that hold checks is not weak.</summary>
    public static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        for (; data.Length >= 8; data = data[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        foreach (var value in data)
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }
}
