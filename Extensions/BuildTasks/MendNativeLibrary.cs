using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace MLNetLosses.BuildTasks;

/// <summary>
/// Marks one symbol version that a native library asks for as weak, in copies of the library in an output folder, when the
/// libstdc++ of this machine lacks that version. The dynamic loader then accepts the library; the symbol behind the version is never called.
/// Files that need no mending are not touched, and a package cache that hard links lead to is never written.
/// </summary>
public sealed class MendNativeLibrary : Task
{
    private const uint VersionNeedSection = 0x6ffffffe;
    private const ushort WeakFlag = 0x2;

    /// <summary>The copies to mend.</summary>
    [Required]
    public ITaskItem[] Files { get; set; } = [];

    /// <summary>The symbol version that may be missing, such as <c>GLIBCXX_3.4.32</c>.</summary>
    [Required]
    public string SymbolVersion { get; set; } = "";

    /// <inheritdoc/>
    public override bool Execute()
    {
        if (!OperatingSystem.IsLinux() || Files.Length == 0 || RunningLibraryHas(SymbolVersion))
            return true;
        foreach (var item in Files)
        {
            var path = item.ItemSpec;
            if (!File.Exists(path))
                continue;
            var image = File.ReadAllBytes(path);
            if (MakeWeak(image, SymbolVersion))
            {
                Replace(path, image);
                Log.LogMessage(MessageImportance.Normal, $"{path}: {SymbolVersion} made weak, since this system's libstdc++ lacks it.");
            }
        }
        return !Log.HasLoggedErrors;
    }

    /// <summary>Writes beside the file and renames, so that a hard link to a package cache is broken; keeps the time so that copies stay incremental.</summary>
    private static void Replace(string path, byte[] image)
    {
        var time = File.GetLastWriteTimeUtc(path);
        var mode = OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path);
        var staged = path + ".mending";
        File.WriteAllBytes(staged, image);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(staged, mode);
        File.SetLastWriteTimeUtc(staged, time);
        File.Move(staged, path, overwrite: true);
    }

    private static bool RunningLibraryHas(string version)
    {
        if (!NativeLibrary.TryLoad("libstdc++.so.6", out _))
            return true; // nothing to compare with: leave the files alone
        var path = File.ReadLines("/proc/self/maps")
            .Select(line => line[(line.IndexOf('/') is var at && at >= 0 ? at : line.Length)..])
            .FirstOrDefault(name => Path.GetFileName(name).StartsWith("libstdc++.so.6", StringComparison.Ordinal));
        return path is null || File.ReadAllBytes(path).AsSpan().IndexOf(Encoding.ASCII.GetBytes(version + "\0")) >= 0;
    }

    /// <summary>Sets the weak flag of every need for the version in a 64-bit little-endian ELF image; true if anything changed.</summary>
    internal static bool MakeWeak(byte[] image, string version)
    {
        if (image.Length < 64 || image[0] != 0x7f || image[1] != 'E' || image[4] != 2 || image[5] != 1)
            return false;
        var changed = false;
        foreach (var section in Sections(image).Where(s => s.Type == VersionNeedSection))
        {
            var names = Sections(image).ElementAt((int)section.Link).Offset;
            for (int need = section.Offset, n = 0; n < section.Info; n++)
            {
                var auxiliary = need + (int)U32(image, need + 8);
                for (var i = 0; i < U16(image, need + 2); i++)
                {
                    var flags = U16(image, auxiliary + 4);
                    if ((flags & WeakFlag) == 0 && NameAt(image, names + (int)U32(image, auxiliary + 8)) == version)
                    {
                        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(auxiliary + 4), (ushort)(flags | WeakFlag));
                        changed = true;
                    }
                    auxiliary += (int)U32(image, auxiliary + 12);
                }
                need += (int)U32(image, need + 12);
            }
        }
        return changed;
    }

    private static IEnumerable<(uint Type, int Offset, uint Link, uint Info)> Sections(byte[] image)
    {
        var start = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(40));
        var size = U16(image, 58);
        for (var i = 0; i < U16(image, 60); i++)
        {
            var at = start + i * size;
            yield return (
                U32(image, at + 4),
                (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 24)),
                U32(image, at + 40),
                U32(image, at + 44)
            );
        }
    }

    private static string NameAt(byte[] image, int offset) =>
        Encoding.ASCII.GetString(image, offset, image.AsSpan(offset).IndexOf((byte)0));

    private static ushort U16(byte[] image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at));

    private static uint U32(byte[] image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at));
}
