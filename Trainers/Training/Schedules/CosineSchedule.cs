using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// min + (b - min)(1 + cos(pi p)) / 2 with p = min(1, (s - W) / (T - W)) after a warm-up of W steps, by default a twentieth of all
/// (Loshchilov and Hutter 2017). T is the number of all steps.
/// </summary>
public sealed record CosineSchedule : WarmupSchedule
{
    /// <summary>Starts from a warm-up of 5 % of all steps.</summary>
    public CosineSchedule() => WarmupFraction = 0.05;

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
        Cosine(learningRate, Minimum, Progress(step, warmup, TotalSteps ?? totalSteps));
}
