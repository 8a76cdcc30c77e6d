using System.Buffers.Binary;

namespace MLNetLosses.Networks;

/// <summary>Reads a part of a <see cref="ByteSource"/> from front to back through a small buffer.</summary>
internal sealed class ByteCursor
{
    private readonly ByteSource source;
    private readonly long end;
    private readonly byte[] buffer = new byte[4096];
    private long bufferStart;
    private int bufferLength;
    private int next;

    public ByteCursor(ByteSource source, long start, long length)
    {
        if (start < 0 || length < 0 || start > source.Length - length)
            throw source.Error($"a part of {length} bytes at byte {start} lies outside the file of {source.Length} bytes");
        this.source = source;
        bufferStart = start;
        end = start + length;
    }

    public long Position => bufferStart + next;

    public long Remaining => end - Position;

    public byte ReadByte()
    {
        if (next == bufferLength)
            Fill();
        return buffer[next++];
    }

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(stackalloc byte[2]));

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(Take(stackalloc byte[4]));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(stackalloc byte[4]));

    public long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(Take(stackalloc byte[8]));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(stackalloc byte[8]));

    public double ReadDoubleBigEndian() => BinaryPrimitives.ReadDoubleBigEndian(Take(stackalloc byte[8]));

    /// <summary>The next <paramref name="count"/> bytes; the count is checked against what is left before anything is allocated.</summary>
    public byte[] ReadBytes(long count)
    {
        if (count < 0 || count > Remaining || count > Array.MaxLength)
            throw source.Error($"{count} bytes are announced where {Remaining} are left", Position);
        var bytes = new byte[count];
        Take(bytes);
        return bytes;
    }

    /// <summary>The bytes up to the next line feed, which is read too.</summary>
    public byte[] ReadLine(int longest)
    {
        List<byte> line = [];
        for (var value = ReadByte(); value != '\n'; value = ReadByte())
        {
            if (line.Count == longest)
                throw source.Error($"a line is longer than {longest} bytes", Position);
            line.Add(value);
        }
        return [.. line];
    }

    public void Skip(long count)
    {
        if (count < 0 || count > Remaining)
            throw source.Error($"{count} bytes are announced where {Remaining} are left", Position);
        if (count <= bufferLength - next)
        {
            next += (int)count;
            return;
        }
        bufferStart = Position + count;
        bufferLength = next = 0;
    }

    private Span<byte> Take(Span<byte> destination)
    {
        for (var rest = destination; rest.Length > 0; )
        {
            if (next == bufferLength)
                Fill();
            var count = Math.Min(rest.Length, bufferLength - next);
            buffer.AsSpan(next, count).CopyTo(rest);
            next += count;
            rest = rest[count..];
        }
        return destination;
    }

    private void Fill()
    {
        bufferStart = Position;
        next = bufferLength = 0;
        if (bufferStart == end)
            throw source.Error("it ends too early", end);
        var count = (int)Math.Min(buffer.Length, end - bufferStart);
        source.Read(bufferStart, buffer.AsSpan(0, count));
        bufferLength = count;
    }
}
