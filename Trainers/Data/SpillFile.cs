using Microsoft.Win32.SafeHandles;

namespace MLNetLosses.Data;

/// <summary>Bytes that memory has no room for, in a temporary file that is deleted when this is disposed. Added by one thread at a time, read by any number.</summary>
internal sealed class SpillFile : IDisposable
{
    private SafeFileHandle? file;
    private long length;

    /// <summary>Appends bytes; where they lie.</summary>
    public long Write(ReadOnlySpan<byte> bytes)
    {
        file ??= File.OpenHandle(
            Path.Combine(Path.GetTempPath(), $"mlnetlosses-{Guid.NewGuid():N}.pixels"),
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.None,
            FileOptions.DeleteOnClose | FileOptions.RandomAccess
        );
        var offset = length;
        RandomAccess.Write(file, bytes, offset);
        length += bytes.Length;
        return offset;
    }

    /// <summary>Fills a span with the bytes at a place.</summary>
    /// <exception cref="ImageDecodeException">The file was cut.</exception>
    public void Read(long offset, Span<byte> bytes)
    {
        var done = 0;
        while (done < bytes.Length && RandomAccess.Read(file!, bytes[done..], offset + done) is > 0 and var count)
            done += count;
        if (done < bytes.Length)
            throw new ImageDecodeException($"the temporary file of decoded images ended after {done} of {bytes.Length} bytes.");
    }

    public void Dispose() => file?.Dispose();
}
