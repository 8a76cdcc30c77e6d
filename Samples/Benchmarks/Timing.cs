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

    /// <summary>Medians in milliseconds of two that take turns, so that a machine that slows down harms both alike.</summary>
    /// <param name="ours">Ours: may need a second until its managed loops reach their final code.</param>
    /// <param name="theirs">Theirs.</param>
    /// <param name="seconds">For how long both are measured; at least three times, at most thirty.</param>
    public static (double Ours, double Theirs) InTurn(Action ours, Action theirs, double seconds)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 3 || (i < 500 && Stopwatch.GetElapsedTime(start).TotalSeconds < 1.5); i++)
            One(ours);
        One(theirs);
        One(theirs);
        var (mine, their) = (new List<double>(), new List<double>());
        start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 3 || (i < 30 && Stopwatch.GetElapsedTime(start).TotalSeconds < seconds); i++)
        {
            mine.Add(One(ours));
            their.Add(One(theirs));
        }
        return (Median(mine), Median(their));
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
