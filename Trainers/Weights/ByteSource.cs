using Microsoft.Win32.SafeHandles;

namespace MLNetLosses.Networks;

/// <summary>Bytes that can be read at any place, from a file or from memory. Reading is safe from several threads.</summary>
internal abstract class ByteSource(string name, long length) : IDisposable
{
    public string Name => name;
    public long Length => length;

    public static ByteSource Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (Directory.Exists(path))
            throw new FileNotFoundException($"'{path}' is a folder; a weights file (.safetensors, .pth, .pt) is needed.", path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"The weights file '{path}' does not exist. Check the path.", path);
        return new FileSource(path, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess));
    }

    public static ByteSource Of(ReadOnlyMemory<byte> bytes, string name) => new MemorySource(name, bytes);

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on, or refuses when the source ends before.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length - destination.Length)
            throw Error($"it ends at byte {Length}, where {destination.Length} bytes from byte {offset} on were expected", offset);
        ReadCore(offset, destination);
    }

    /// <summary>The exception for a file that cannot be used: which file, what is wrong, where, and what to do.</summary>
    public InvalidDataException Error(string problem, long? at = null, string? cure = null, Exception? inner = null) =>
        new(
            $"The weights file '{Name}' cannot be read: {Shorten(problem)}{(at is { } place ? $" (at byte {place})" : "")}. "
                + (cure ?? "The file is damaged or incomplete: download or save it again."),
            inner
        );

    public virtual void Dispose() { }

    /// <summary>Problems quote the file, which may hold names of any length.</summary>
    private static string Shorten(string text) => text.Length <= 1000 ? text : text[..1000] + "...";

    protected abstract void ReadCore(long offset, Span<byte> destination);

    private sealed class FileSource(string name, SafeFileHandle handle) : ByteSource(name, RandomAccess.GetLength(handle))
    {
        protected override void ReadCore(long offset, Span<byte> destination)
        {
            while (destination.Length > 0)
            {
                var read = RandomAccess.Read(handle, destination, offset);
                if (read == 0)
                    throw Error("it became shorter while it was read", offset);
                offset += read;
                destination = destination[read..];
            }
        }

        public override void Dispose() => handle.Dispose();
    }

    private sealed class MemorySource(string name, ReadOnlyMemory<byte> bytes) : ByteSource(name, bytes.Length)
    {
        protected override void ReadCore(long offset, Span<byte> destination) =>
            bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }
}
