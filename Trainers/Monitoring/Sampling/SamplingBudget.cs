using System.Diagnostics;

namespace MLNetLosses.Training;

/// <summary>Lets something be measured as often as it takes no more than a share of the time.</summary>
internal sealed class SamplingBudget(double share)
{
    private readonly Stopwatch whole = Stopwatch.StartNew();
    private double spent;
    private double last;
    private int count;

    /// <summary>
    /// Whether the next measurement, as long as the last one, stays within the share. The first ones come early: they tell what it costs, and a short training shall
    /// not go without.
    /// </summary>
    public bool Allows => share > 0 && (count == 0 || spent + last <= share * whole.Elapsed.TotalSeconds);

    public void Run(Action measure)
    {
        var before = whole.Elapsed.TotalSeconds;
        measure();
        last = whole.Elapsed.TotalSeconds - before;
        spent += last;
        count++;
    }
}
