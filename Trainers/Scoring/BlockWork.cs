using System.Runtime.ExceptionServices;

namespace MLNetLosses.Scoring;

/// <summary>Works on the items of a block on several threads.</summary>
internal static class BlockWork
{
    /// <summary>
    /// Does the work of 0 to <paramref name="count"/> - 1. Of several items that fail the first is named, whichever thread comes upon one first: those before a failure are
    /// worked on all the same.
    /// </summary>
    /// <param name="count">How many items there are.</param>
    /// <param name="work">What is done with each.</param>
    /// <param name="threads">On how many threads; -1: on as many as there are.</param>
    public static void For(int count, Action<int> work, int threads = -1)
    {
        if (count == 1)
        {
            work(0);
            return;
        }
        var failures = new SortedDictionary<int, ExceptionDispatchInfo>();
        Parallel.For(
            0,
            count,
            new() { MaxDegreeOfParallelism = threads },
            (i, state) =>
            {
                try
                {
                    work(i);
                }
                catch (Exception e)
                {
                    lock (failures)
                        failures.Add(i, ExceptionDispatchInfo.Capture(e));
                    state.Break();
                }
            }
        );
        if (failures.Count > 0)
            failures.First().Value.Throw();
    }
}
