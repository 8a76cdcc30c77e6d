using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// b Gamma^(s / Steps): the rate falls by Gamma every <see cref="Steps"/> steps, smoothly. Steps count from 0, warm-up included.
/// </summary>
public sealed record ExponentialSchedule : WarmupSchedule
{
    /// <summary>What the rate is multiplied by in <see cref="Steps"/> steps. Default 0.95.</summary>
    [Interval("(0, 1]")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 0.95;

    /// <summary>In how many steps the rate falls by Gamma. Default 100; 1 is <c>torch.optim.lr_scheduler.ExponentialLR</c>.</summary>
    [Interval("[1, inf)")]
    public int Steps
    {
        get;
        init => field = Valid(value);
    } = 100;

    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps) =>
        learningRate * Math.Pow(Gamma, (double)step / Steps);
}
