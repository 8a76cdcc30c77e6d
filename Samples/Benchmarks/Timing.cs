using System.Diagnostics;

namespace MLNetLosses.Benchmarks;

/// <summary>Medians, since a shared machine is noisy.</summary>
internal static class Timing
{
    /// <summary>
    /// Milliseconds of each run after some to warm up; fewer runs where one is slow. Managed loops reach their final code a second or so after the first
    /// call, as they have it in all but the first steps of a training: the runs before are not counted.
    /// </summary>
    public static List<double> Milliseconds(Action step, int repeats = 30, double capSeconds = 8)
    {
        One(step);
        var fastest = One(step);
        var start = Stopwatch.GetTimestamp();
        for (var i = 1; i < 5 || (i < 1000 && Stopwatch.GetElapsedTime(start).TotalSeconds < 1.5); i++)
            fastest = Math.Min(fastest, One(step));
        var n = Math.Clamp((int)(capSeconds * 1000 / fastest), 1, repeats);
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
