using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// min + (b - min)(1 - p)^Power with p = min(1, (s - W) / (T - W)): linear for Power 1, the "poly" policy of segmentation for 0.9. Follows
/// <c>torch.optim.lr_scheduler.PolynomialLR</c> where there is no warm-up.
/// </summary>
public sealed record PolynomialSchedule : WarmupSchedule
{
    /// <summary>The power. Default 1: a straight line.</summary>
    [Interval("(0, inf)")]
    public double Power
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>min: the rate (not a factor) at the end. Default 0.</summary>
    [Interval("[0, inf)")]
    public double Minimum
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>T in steps, warm-up included; the rate then stays at the minimum. Null (the default): the steps of the training.</summary>
    [Interval("[1, inf)")]
    public int? TotalSteps
    {
        get;
        init => field = Valid(value);
    }

    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps) =>
        Minimum + ((learningRate - Minimum) * Math.Pow(1 - Progress(step, warmup, TotalSteps ?? totalSteps), Power));
}
