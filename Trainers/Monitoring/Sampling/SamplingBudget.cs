namespace MLNetLosses.Training;

/// <summary>Lets something be measured as often as it takes no more than a share of the time.</summary>
/// <param name="share">The share.</param>
/// <param name="clock">What tells the time; null: the system.</param>
internal sealed class SamplingBudget(double share, TimeProvider? clock = null)
{
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private readonly long start = (clock ?? TimeProvider.System).GetTimestamp();
    private double spent;
    private double last;
    private int count;

    /// <summary>
    /// Whether the next measurement, as long as the last one, stays within the share. The first ones come early: they tell what it costs, and a short training shall
    /// not go without. All of the time is no limit: one measurement that took long does not keep the next from being made.
    /// </summary>
    public bool Allows => share > 0 && (count == 0 || share >= 1 || spent + last <= share * Elapsed);

    public void Run(Action measure)
    {
        var before = Elapsed;
        measure();
        last = Elapsed - before;
        spent += last;
        count++;
    }

    private double Elapsed => clock.GetElapsedTime(start).TotalSeconds;
}
