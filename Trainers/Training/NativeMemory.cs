using System.Runtime.InteropServices;

namespace MLNetLosses.Training;

/// <summary>
/// glibc's malloc maps every block above 32 MiB anew and gives it back when it is freed, so that each step of a training faults in the same
/// pages again, which is slow above all in virtual machines. Raising the threshold keeps them. Measured on a virtual machine (EPYC, one
/// thread, processor time), cross-entropy forward and backward on [8, 21, 256, 256]: 520 to 550 ms and 32,264 page faults before, 35 to 45
/// ms and some dozens to 10,000 faults after. The price: memory once used stays with the process, until <see cref="ReleaseFree"/>.
/// </summary>
internal static partial class NativeMemory
{
    /// <summary>The variable that turns this off when it is 0.</summary>
    public const string Variable = "MLNETLOSSES_KEEP_MEMORY";

    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;
    private static readonly Lock Once = new();
    private static bool done;
    private static volatile bool kept;

    /// <summary>
    /// Does so once a process, on Linux with glibc only, and not where the user has set glibc's own variables or <see cref="Variable"/> to
    /// 0.
    /// </summary>
    /// <returns>What was done or why not; null after the first call and where it does not apply.</returns>
    public static string? KeepLargeBlocks()
    {
        lock (Once)
        {
            if (done)
                return null;
            done = true;
        }
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out var library))
            return null;
        if (!NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out _) || !NativeLibrary.TryGetExport(library, "mallopt", out _))
            return null;
        if (Environment.GetEnvironmentVariable(Variable) == "0")
            return $"The allocator is left as it is, because {Variable} is 0.";
        foreach (var variable in new[] { "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES" })
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 })
                return $"The allocator is left as it is, because {variable} is set.";
        // Some versions of glibc take no more than 32 MiB.
        kept =
            (SetOption(MmapThreshold, 1 << 30) == 1 || SetOption(MmapThreshold, 32 << 20) == 1)
            && SetOption(TrimThreshold, int.MaxValue) == 1;
        return kept ? $"The allocator keeps large blocks for the next step ({Variable}=0 turns this off)." : null;
    }

    /// <summary>
    /// Gives what is free back to the system, where <see cref="KeepLargeBlocks"/> had it kept: a training leaves hundreds of megabytes, and what follows it in the process computes
    /// in other blocks, often on other threads.
    /// </summary>
    public static void ReleaseFree()
    {
        if (kept)
            Trim(0);
    }

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keptAtTop);

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);
}
