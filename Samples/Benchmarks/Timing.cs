using System.Diagnostics;

namespace MLNetLosses.Benchmarks;

/// <summary>Medians, since a shared machine is noisy.</summary>
internal static class Timing
{
    /// <summary>Milliseconds of each run after a few to warm up; fewer runs where one is slow.</summary>
    public static List<double> Milliseconds(Action step, int repeats = 30, double capSeconds = 8)
    {
        var first = One(step);
        var n = Math.Clamp((int)(capSeconds * 1000 / first), 1, repeats);
        for (var i = 1; i < Math.Min(5, n); i++)
            step();
        return [.. Enumerable.Range(0, n).Select(_ => One(step))];
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    public static double GeometricMean(IEnumerable<double> values) => Math.Exp(values.Average(Math.Log));

    private static double One(Action step)
    {
        var start = Stopwatch.GetTimestamp();
        step();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
