using System.Globalization;

namespace MLNetLosses.UnitTests;

/// <summary>Whether the memory of a process grows while it works.</summary>
internal static class ProcessMemory
{
    private const double MostGrowth = 1.03;

    /// <summary>The resident bytes of this process. What the collector has not yet looked at is no growth: without a collection the managed heap alone varies by a twentieth.</summary>
    public static long Resident()
    {
        GC.Collect();
        return Environment.WorkingSet;
    }

    /// <summary>Runs a method in a process of its own, which prints its resident bytes in between and at the end, apart by a space; they must be about the same.</summary>
    public static void DoesNotGrow(Func<string[], int> work)
    {
        var sizes = ChildProcess
            .RunCompiledOnce(work)
            .Split(' ')
            .Select(size => double.Parse(size, CultureInfo.InvariantCulture))
            .ToArray();
        Console.WriteLine($"Grown by {sizes[1] / sizes[0] - 1:P2}.");
        Assert.IsLessThan(MostGrowth, sizes[1] / sizes[0], $"{sizes[0]:N0} bytes in between, {sizes[1]:N0} at the end.");
    }
}
