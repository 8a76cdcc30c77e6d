using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace MLNetLosses.UnitTests.Imaging;

/// <summary>Writes PNG files of any colour type and depth, also ones that lie about themselves.</summary>
internal static class Png
{
    public const byte Gray = 0;
    public const byte Rgb = 2;
    public const byte Palette = 3;
    public const byte RgbAlpha = 6;

    /// <param name="rows">The samples as they lie in the file, without filter bytes.</param>
    public static byte[] Write(int width, int height, byte colorType, byte depth, byte[] rows, byte[]? palette = null) =>
        WriteScan(width, height, colorType, depth, Filtered(rows, rows.Length / Math.Max(1, height)), palette);

    /// <param name="scan">What is compressed: rows with filter bytes, pass by pass where the file is interlaced.</param>
    public static byte[] WriteScan(
        int width,
        int height,
        byte colorType,
        byte depth,
        byte[] scan,
        byte[]? palette = null,
        bool interlaced = false
    )
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = (depth, colorType, interlaced ? (byte)1 : (byte)0);
        using var result = new MemoryStream();
        result.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        Chunk(result, "IHDR", header);
        if (palette is not null)
            Chunk(result, "PLTE", palette);
        Chunk(result, "IDAT", Compress(scan));
        Chunk(result, "IEND", []);
        return result.ToArray();
    }

    private static byte[] Filtered(byte[] rows, int stride)
    {
        var scan = new List<byte>();
        for (var at = 0; at + stride <= rows.Length && stride > 0; at += stride)
        {
            scan.Add(0);
            scan.AddRange(rows.AsSpan(at, stride));
        }
        return [.. scan];
    }

    private static byte[] Compress(byte[] scan)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(scan);
        return packed.ToArray();
    }

    private static void Chunk(Stream target, string kind, byte[] data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        target.Write(number);
        byte[] body = [.. Encoding.ASCII.GetBytes(kind), .. data];
        target.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(body));
        target.Write(number);
    }

    private static uint Crc32(ReadOnlySpan<byte> data)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320u;
        }
        return ~crc;
    }
}
