using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests;

/// <summary>The most memory that a piece of work holds at once, measured in a process of its own.</summary>
internal static class PeakMemory
{
    /// <summary>Lines that a method printed in a process of its own; the test is skipped where a peak cannot be measured.</summary>
    public static string[] Lines(Func<string[], int> work)
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out _))
            Assert.Inconclusive("Only Linux lets a process forget its peak, and glibc choose what it gives back.");
        return ChildProcess.RunCompiledOnce(work).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>To be called first in that process.</summary>
    public static void Prepare()
    {
        set_num_threads(1);
        Assert.AreEqual(1, SetAllocator(-3, 1 << 16)); // M_MMAP_THRESHOLD: what is freed goes back to the system and is not held at the next start
    }

    /// <summary>The bytes that work holds at most, beyond what is held before it.</summary>
    public static double Bytes(Action work)
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak is what is held now
        var before = Kilobytes("VmRSS");
        work();
        return (Kilobytes("VmHWM") - before) * 1024;
    }

    [DllImport("libc.so.6", EntryPoint = "mallopt")]
    private static extern int SetAllocator(int parameter, int value);

    private static double Kilobytes(string what) =>
        double.Parse(
            File.ReadLines("/proc/self/status").Single(line => line.StartsWith(what, StringComparison.Ordinal)).Split()[^2],
            CultureInfo.InvariantCulture
        );
}
