using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MLNetLosses.Networks;

/// <summary>Writes a file whole or not at all: beside the target, flushed to the disk, then renamed over it.</summary>
internal static partial class AtomicFile
{
    /// <summary>Lets <paramref name="write"/> fill the file. When it throws, the file that was there before is left as it was.</summary>
    public static void Write(string path, Action<FileStream> write)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var target = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(target) ?? throw new ArgumentException($"'{path}' names no file.", nameof(path));
        var staged = Path.Combine(folder, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(staged, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(staged, target, overwrite: true);
        }
        catch
        {
            if (File.Exists(staged))
                File.Delete(staged);
            throw;
        }
        FlushFolder(folder);
    }

    /// <summary>Makes the rename itself durable. Windows does so on its own and cannot open folders.</summary>
    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var handle = new SafeFileHandle(Open(folder, 0), ownsHandle: true);
        if (!handle.IsInvalid)
            _ = Sync(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(SafeFileHandle file);
}
