using System.Buffers.Binary;
using System.IO.Compression;

namespace MLNetLosses.Data;

/// <summary>Writes 8-bit planes as a PNG. (SkiaSharp's own encoder changed its signatures between the versions that applications bring.)</summary>
internal static class PngEncoder
{
    private static readonly uint[] CrcTable = MakeTable();

    /// <summary>Encodes, made smaller by a whole factor until the longest side fits.</summary>
    /// <param name="planes">[channels, height, width]; 1 channel is grey, 3 or more are red, green, blue.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="channels">Planes.</param>
    /// <param name="longestSide">Pixels at most.</param>
    public static byte[] Encode(ReadOnlySpan<byte> planes, int width, int height, int channels, int longestSide = int.MaxValue)
    {
        var factor = (Math.Max(width, height) + (long)longestSide - 1) / longestSide;
        var (w, h) = (Math.Max(1, (int)(width / factor)), Math.Max(1, (int)(height / factor)));
        var (f, used) = ((int)factor, channels < 3 ? 1 : 3);
        var rows = new byte[h * (1 + w * used)];
        for (var y = 0; y < h; y++)
        for (var x = 0; x < w; x++)
        for (var c = 0; c < used; c++)
            rows[y * (1 + w * used) + 1 + x * used + c] = Mean(
                planes.Slice(c * width * height, width * height),
                width,
                height,
                x * f,
                y * f,
                f
            );
        using var png = new MemoryStream();
        png.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, w);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], h);
        (header[8], header[9]) = (8, (byte)(used == 1 ? 0 : 2));
        Chunk(png, "IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(rows);
        Chunk(png, "IDAT"u8, packed.ToArray());
        Chunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static byte Mean(ReadOnlySpan<byte> plane, int width, int height, int left, int top, int size)
    {
        var (sum, count) = (0, 0);
        for (var y = top; y < Math.Min(top + size, height); y++)
        for (var x = left; x < Math.Min(left + size, width); x++)
            (sum, count) = (sum + plane[y * width + x], count + 1);
        return (byte)((sum + count / 2) / count);
    }

    private static void Chunk(Stream target, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        target.Write(number);
        target.Write(kind);
        target.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(~0u, kind), data));
        target.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
            crc = CrcTable[(byte)(crc ^ value)] ^ (crc >> 8);
        return crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
            table[i] = crc;
        }
        return table;
    }
}
