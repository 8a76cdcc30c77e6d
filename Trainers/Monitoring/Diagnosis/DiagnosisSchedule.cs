using System.Diagnostics;

namespace MLNetLosses.Training;

/// <summary>When to diagnose within an epoch: seldom enough that it costs nothing, since each time the whole history is looked at.</summary>
internal sealed class DiagnosisSchedule
{
    private readonly Stopwatch whole = Stopwatch.StartNew();
    private double spent;
    private int next = 20;

    /// <summary>After 20 intervals, then after each further tenth, as long as it took no more than a five hundredth of the time.</summary>
    public bool IsDue(int intervals)
    {
        if (intervals < next || spent > 0.002 * whole.Elapsed.TotalSeconds)
            return false;
        next = intervals + Math.Max(10, intervals / 10);
        return true;
    }

    public T Run<T>(Func<T> diagnose)
    {
        var before = whole.Elapsed.TotalSeconds;
        var found = diagnose();
        spent += whole.Elapsed.TotalSeconds - before;
        return found;
    }
}
