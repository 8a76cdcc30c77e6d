using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// Half cosines from b to the minimum, one after the other, each <see cref="PeriodFactor"/> times as long as the one before: SGDR
/// (Loshchilov and Hutter 2017). Follows <c>torch.optim.lr_scheduler.CosineAnnealingWarmRestarts</c>, counted from the end of the warm-up.
/// </summary>
public sealed record CosineRestartsSchedule : WarmupSchedule
{
    /// <summary>The length of the first half cosine in steps. Default 1000.</summary>
    [Interval("[1, inf)")]
    public int Period
    {
        get;
        init => field = Valid(value);
    } = 1000;

    /// <summary>How much longer each half cosine is than the one before. Default 1.</summary>
    [Interval("[1, inf)")]
    public int PeriodFactor
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The rate (not a factor) at the end of each half cosine. Default 0.</summary>
    [Interval("[0, inf)")]
    public double Minimum
    {
        get;
        init => field = Valid(value);
    }

    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps)
    {
        var (since, period) = (step - warmup, (double)Period);
        if (PeriodFactor == 1)
            return Cosine(learningRate, Minimum, since % Period / period);
        var start = 0.0;
        while (since >= start + period)
            (start, period) = (start + period, period * PeriodFactor);
        return Cosine(learningRate, Minimum, (since - start) / period);
    }
}
