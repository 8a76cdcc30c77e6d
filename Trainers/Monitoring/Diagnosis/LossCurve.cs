namespace MLNetLosses.Training;

/// <summary>The training loss over the intervals, with what several rules ask of it.</summary>
internal sealed class LossCurve
{
    /// <summary>Fewer intervals tell nothing.</summary>
    public const int Least = 20;

    public LossCurve(IReadOnlyList<StepsRecord> steps)
    {
        Steps = [.. steps.Where(s => double.IsFinite(s.Loss))];
        Values = [.. Steps.Select(s => s.Loss)];
        Window = Math.Max(5, Values.Length / 20);
        Start = Robust.Median(Values.Take(Math.Max(3, Values.Length / 100)));
        End = Robust.Median(Values.TakeLast(Window));
        Noise = Robust.Noise(Values);
        var blocks = Values.Chunk(Window).Select(block => Robust.Median(block)).ToArray();
        Lowest = blocks.Length == 0 ? double.NaN : blocks.Min();
    }

    public IReadOnlyList<StepsRecord> Steps { get; }
    public double[] Values { get; }

    /// <summary>How many intervals a level is the median of.</summary>
    public int Window { get; }

    /// <summary>The level at the start.</summary>
    public double Start { get; }

    /// <summary>The present level.</summary>
    public double End { get; }

    /// <summary>The lowest level so far.</summary>
    public double Lowest { get; }

    /// <summary>The spread around the trend.</summary>
    public double Noise { get; }

    public bool IsLongEnough => Values.Length >= Least;

    /// <summary>The share of the start's level that is left; NaN where the loss may be negative.</summary>
    public double Remaining => Start > 0 && Lowest >= 0 ? End / Start : double.NaN;

    public long LastStep => Steps.Count == 0 ? 0 : Steps[^1].Step;
}
