using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>b Gamma^floor(s / StepSize). Follows <c>torch.optim.lr_scheduler.StepLR</c>; steps count from 0, warm-up included.</summary>
public sealed record StepSchedule : WarmupSchedule
{
    /// <summary>After how many steps the rate falls, again and again. Default 1000.</summary>
    [Interval("[1, inf)")]
    public int StepSize
    {
        get;
        init => field = Valid(value);
    } = 1000;

    /// <summary>What the rate is multiplied by. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps) =>
        learningRate * Math.Pow(Gamma, step / StepSize);
}

/// <summary>
/// b Gamma^(count of milestones &lt;= s). Follows <c>torch.optim.lr_scheduler.MultiStepLR</c>; steps count from 0, warm-up included.
/// </summary>
[DefinitionExample("MultiStep(milestones: [100, 200])")]
public sealed record MultiStepSchedule : WarmupSchedule
{
    /// <summary>The steps at which the rate falls.</summary>
    [Interval("[0, inf)")]
    public required ValueList<int> Milestones
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>What the rate is multiplied by. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps) =>
        learningRate * Math.Pow(Gamma, Milestones.Count(milestone => milestone <= step));
}
