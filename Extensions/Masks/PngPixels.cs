using System.Buffers.Binary;
using System.IO.Compression;
using MLNetLosses.Data;

namespace MLNetLosses.Masks;

/// <summary>
/// The numbers that stand in a PNG file, which decoders of pictures do not give: palette indices before they become colours, greyscale samples of 1, 2, 4
/// and 16 bits before they are stretched to 8.
/// </summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">Samples a pixel: 1 to 4.</param>
/// <param name="Samples">[Height, Width, Channels], as in the file; of 16 bits the high bytes, where colours are meant.</param>
/// <param name="LowBytes">The low bytes of samples of 16 bits, else null.</param>
/// <param name="Palette">Colours as 0xRRGGBB, where <see cref="Samples"/> are indices into them, else null.</param>
/// <param name="MaxSample">The largest sample that the depth allows.</param>
internal sealed record PngPixels(int Width, int Height, int Channels, byte[] Samples, byte[]? LowBytes, uint[]? Palette, int MaxSample)
{
    private const int MaxPixels = 500_000_000;
    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(i => Crc((uint)i))];

    // Adam7: first column and row of each pass, and the steps.
    private static readonly (int X, int Y, int StepX, int StepY)[] Passes =
    [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];

    public static bool IsPng(ReadOnlySpan<byte> file) => file.StartsWith((ReadOnlySpan<byte>)[0x89, .. "PNG\r\n\x1a\n"u8]);

    /// <exception cref="ImageDecodeException">The file is damaged or uses what PNG does not allow.</exception>
    public static PngPixels Read(ReadOnlySpan<byte> file)
    {
        if (!IsPng(file))
            throw new ImageDecodeException("it does not begin as a PNG file does.");
        Header? header = null;
        uint[]? palette = null;
        using var packed = new MemoryStream();
        var ended = false;
        for (var at = 8; !ended; )
        {
            if (file.Length - at < 12 || BinaryPrimitives.ReadUInt32BigEndian(file[at..]) is var size && size > file.Length - at - 12)
                throw new ImageDecodeException("the PNG ends too early: the file is truncated. Copy it again or make it anew.");
            var body = file.Slice(at + 4, (int)size + 4);
            if (Checksum(body) != BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + (int)size)..]))
                throw new ImageDecodeException("the PNG is damaged (a checksum does not match). Copy it again or make it anew.");
            var data = body[4..];
            if (body.StartsWith("IHDR"u8))
                header = Header.Read(data);
            else if (body.StartsWith("PLTE"u8))
                palette = ReadPalette(data);
            else if (body.StartsWith("IDAT"u8))
                packed.Write(data);
            ended = body.StartsWith("IEND"u8);
            at += (int)size + 12;
        }
        if (header is null)
            throw new ImageDecodeException("the PNG has no header.");
        if (header.IsPalette && palette is null)
            throw new ImageDecodeException("the PNG has palette indices but no palette.");
        packed.Position = 0;
        try
        {
            return Unpack(packed, header, header.IsPalette ? palette : null);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new ImageDecodeException("the pixels of the PNG are damaged or end too early. Copy it again or make it anew.", e);
        }
    }

    private static PngPixels Unpack(Stream packed, Header header, uint[]? palette)
    {
        using var stream = new ZLibStream(packed, CompressionMode.Decompress);
        var channels = header.Channels;
        var samples = new byte[checked(header.Width * header.Height * channels)];
        var low = header.Depth == 16 ? new byte[samples.Length] : null;
        foreach (var (firstX, firstY, stepX, stepY) in header.Interlaced ? Passes : [(0, 0, 1, 1)])
        {
            var (columns, rows) = (Count(header.Width, firstX, stepX), Count(header.Height, firstY, stepY));
            if (columns == 0)
                continue;
            var stride = (columns * channels * header.Depth + 7) / 8;
            var apart = Math.Max(1, channels * header.Depth / 8);
            var (line, above) = (new byte[stride + 1], new byte[stride + 1]);
            for (var row = 0; row < rows; row++)
            {
                stream.ReadExactly(line);
                Unfilter(line.AsSpan(1), above.AsSpan(1), line[0], apart);
                var first = (firstY + row * stepY) * header.Width + firstX;
                for (var i = 0; i < columns * channels; i++)
                {
                    var (column, channel) = Math.DivRem(i, channels);
                    var target = (first + column * stepX) * channels + channel;
                    switch (header.Depth)
                    {
                        case 8:
                            samples[target] = line[1 + i];
                            break;
                        case 16:
                            (samples[target], low![target]) = (line[1 + 2 * i], line[2 + 2 * i]);
                            break;
                        default:
                            var bit = i * header.Depth;
                            samples[target] = (byte)(line[1 + bit / 8] >> (8 - header.Depth - bit % 8) & header.MaxSample);
                            break;
                    }
                }
                (line, above) = (above, line);
            }
        }
        return new(header.Width, header.Height, channels, samples, low, palette, header.MaxSample);
    }

    private static int Count(int size, int first, int step) => size <= first ? 0 : (size - first + step - 1) / step;

    private static void Unfilter(Span<byte> line, ReadOnlySpan<byte> above, byte filter, int apart)
    {
        if (filter > 4)
            throw new ImageDecodeException($"the PNG uses the filter {filter}, which does not exist: the file is damaged.");
        if (filter == 0)
            return;
        for (var i = 0; i < line.Length; i++)
        {
            var (left, up) = (i < apart ? 0 : line[i - apart], (int)above[i]);
            line[i] += (byte)(
                filter switch
                {
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    _ => Paeth(left, up, i < apart ? 0 : above[i - apart]),
                }
            );
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        var (a, b, c) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - 2 * corner));
        return a <= b && a <= c ? left
            : b <= c ? up
            : corner;
    }

    private static uint[] ReadPalette(ReadOnlySpan<byte> data)
    {
        var colors = new uint[data.Length / 3];
        for (var i = 0; i < colors.Length; i++)
            colors[i] = (uint)(data[3 * i] << 16 | data[3 * i + 1] << 8 | data[3 * i + 2]);
        return colors;
    }

    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
            crc = CrcTable[(byte)(crc ^ value)] ^ crc >> 8;
        return ~crc;
    }

    private static uint Crc(uint value)
    {
        for (var bit = 0; bit < 8; bit++)
            value = (value & 1) == 0 ? value >> 1 : value >> 1 ^ 0xEDB88320u;
        return value;
    }

    private sealed record Header(int Width, int Height, int Depth, int ColorType, bool Interlaced)
    {
        public bool IsPalette => ColorType == 3;

        public int Channels =>
            ColorType switch
            {
                2 => 3,
                4 => 2,
                6 => 4,
                _ => 1,
            };

        public int MaxSample => (1 << Depth) - 1;

        public static Header Read(ReadOnlySpan<byte> data)
        {
            if (data.Length < 13)
                throw new ImageDecodeException("the PNG has no whole header.");
            var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]));
            var (depth, type) = (data[8], data[9]);
            var known = type switch
            {
                0 => depth is 1 or 2 or 4 or 8 or 16,
                3 => depth is 1 or 2 or 4 or 8,
                2 or 4 or 6 => depth is 8 or 16,
                _ => false,
            };
            if (!known || data[12] > 1)
                throw new ImageDecodeException($"the PNG's header is damaged (colour type {type}, depth {depth}, interlacing {data[12]}).");
            if (width == 0 || height == 0)
                throw new ImageDecodeException($"the PNG has {width} x {height} pixels: there is nothing in it.");
            var header = new Header((int)width, (int)height, depth, type, data[12] == 1);
            return width < int.MaxValue && height < int.MaxValue && (long)width * height * header.Channels <= MaxPixels
                ? header
                : throw new ImageDecodeException($"the PNG has {width} x {height} pixels, more than are read. Shrink it.");
        }
    }
}
