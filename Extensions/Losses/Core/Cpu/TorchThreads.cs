using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Runs jobs on torch's own threads, where those are GNU OpenMP's (Linux): they wait for work by spinning, so that they start at once, while threads of .NET would have to share the
/// cores with them.
/// </summary>
internal static unsafe class TorchThreads
{
    // void GOMP_parallel(void (*fn)(void*), void* data, unsigned threads, unsigned flags): what compilers make of a parallel region.
    private static readonly Lazy<nint> Parallel = new(Find);

    /// <summary>Does the jobs, each once; false where there are no such threads.</summary>
    /// <param name="count">How many jobs.</param>
    /// <param name="job">Gets its number. What it throws first is thrown.</param>
    public static bool TryRun(int count, Action<int> job)
    {
        if (Parallel.Value == 0)
            return false;
        var team = new Team(count, job);
        var handle = GCHandle.Alloc(team);
        try
        {
            ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<nint, void>, nint, uint, uint, void>)Parallel.Value)(
                &Work,
                GCHandle.ToIntPtr(handle),
                (uint)get_num_threads(), // as many as torch takes: for fewer, threads would end and have to be started again
                0
            );
        }
        finally
        {
            handle.Free();
        }
        team.Failure?.Throw();
        return true;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Work(nint team) => ((Team)GCHandle.FromIntPtr(team).Target!).Work();

    // The library that torch has loaded, under whatever name it was shipped; not another copy, whose threads would be others.
    private static nint Find()
    {
        if (!OperatingSystem.IsLinux())
            return 0;
        string[] loaded;
        try
        {
            loaded =
            [
                .. File.ReadLines("/proc/self/maps")
                    .Where(line => line.Contains('/', StringComparison.Ordinal))
                    .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..])
                    .Where(path => Path.GetFileName(path).StartsWith("libgomp", StringComparison.Ordinal))
                    .Distinct(),
            ];
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
        return
            loaded is [var path]
            && NativeLibrary.TryLoad(path, out var library)
            && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel)
            ? parallel
            : 0;
    }

    private sealed class Team(int count, Action<int> job)
    {
        private ExceptionDispatchInfo? failure;
        private int taken;

        public ExceptionDispatchInfo? Failure => failure;

        public void Work()
        {
            try
            {
                for (int i; failure is null && (i = Interlocked.Increment(ref taken) - 1) < count; )
                    job(i);
            }
            catch (Exception wrong) // must not pass through native code
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(wrong), null);
            }
        }
    }
}
