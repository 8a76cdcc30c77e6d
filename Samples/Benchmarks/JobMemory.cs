namespace MLNetLosses.Benchmarks;

/// <summary>
/// The memory of a whole job: of a process and of those that it starts, such as PyTorch's readers of images. Pages that several share count once (Linux's
/// proportional set size).
/// </summary>
internal static class JobMemory
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5);

    /// <summary>Runs what starts one job, and waits for it.</summary>
    /// <returns>What it returns, and the peak in megabytes of all processes that this one has started meanwhile; NaN where the system does not tell.</returns>
    public static (T Result, double PeakMegabytes) During<T>(Func<T> job)
    {
        if (!OperatingSystem.IsLinux())
            return (job(), double.NaN);
        using var ended = new ManualResetEventSlim();
        var peak = 0.0;
        var watcher = new Thread(() =>
        {
            do peak = Math.Max(peak, Descendants(Environment.ProcessId).Sum(Megabytes));
            while (!ended.Wait(Interval));
        })
        {
            IsBackground = true,
        };
        watcher.Start();
        try
        {
            return (job(), Peak());
        }
        finally
        {
            Peak();
        }

        double Peak()
        {
            ended.Set();
            watcher.Join();
            return peak;
        }
    }

    private static IEnumerable<int> Descendants(int process)
    {
        foreach (var child in Children(process))
        {
            yield return child;
            foreach (var further in Descendants(child))
                yield return further;
        }
    }

    private static int[] Children(int process)
    {
        try
        {
            return
            [
                .. Directory
                    .GetDirectories($"/proc/{process}/task")
                    .SelectMany(thread =>
                        File.ReadAllText(Path.Combine(thread, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    )
                    .Select(int.Parse),
            ];
        }
        catch (IOException) // it has ended
        {
            return [];
        }
    }

    private static double Megabytes(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/smaps_rollup")
                .FirstOrDefault(text => text.StartsWith("Pss:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024.0;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
