using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// b times Factor^n, n the number of times that the watched value did not improve for more than Patience epochs; never below Minimum.
/// Watched is the validation's primary metric, or the mean loss of the epoch where there is no validation. Like
/// <c>torch.optim.lr_scheduler.ReduceLROnPlateau</c> with an absolute threshold.
/// </summary>
public sealed record PlateauSchedule : WarmupSchedule
{
    /// <summary>What the rate is multiplied by. Default 0.1.</summary>
    [Interval("(0, 1)")]
    public double Factor
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>How many epochs without improvement are waited through before the rate falls. Default 3.</summary>
    [Interval("[0, inf)")]
    public int Patience
    {
        get;
        init => field = Valid(value);
    } = 3;

    /// <summary>By how much the value must improve on its best to count. Default 0.0001.</summary>
    [Interval("[0, inf)")]
    public double MinimumImprovement
    {
        get;
        init => field = Valid(value);
    } = 1e-4;

    /// <summary>The lowest rate. Default 0.</summary>
    [Interval("[0, inf)")]
    public double Minimum
    {
        get;
        init => field = Valid(value);
    }

    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps) => learningRate;

    /// <summary>The rate after a number of reductions.</summary>
    internal double Reduced(double rate, int reductions) => reductions == 0 ? rate : Math.Max(rate * Math.Pow(Factor, reductions), Minimum);
}
