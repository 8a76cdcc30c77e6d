using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Loops over independent jobs on as many threads as torch may use. Jobs never depend on that number, so that results do not either.</summary>
internal static class CpuWork
{
    private const int RunLength = 1 << 14;

    public static void For(int count, Action<int> job)
    {
        var threads = get_num_threads();
        if (count <= 1 || threads <= 1)
        {
            for (var i = 0; i < count; i++)
                job(i);
            return;
        }
        if (TorchThreads.TryRun(count, job))
            return;
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, job);
        }
        catch (AggregateException several)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
        }
    }

    /// <summary>Cuts images of a number of pixels into runs.</summary>
    public static Run[] Runs(long images, long pixels)
    {
        var runs = new List<Run>();
        for (var image = 0; image < images; image++)
        for (var from = 0L; from < pixels; from += RunLength)
            runs.Add(new(image, from, (int)Math.Min(RunLength, pixels - from)));
        return [.. runs];
    }

    /// <summary>Neighbouring pixels of an image.</summary>
    public readonly record struct Run(int Image, long From, int Length)
    {
        /// <summary>The run cut into blocks.</summary>
        public IEnumerable<Run> Blocks(int capacity)
        {
            for (var done = 0; done < Length; done += capacity)
                yield return new(Image, From + done, Math.Min(capacity, Length - done));
        }
    }
}
