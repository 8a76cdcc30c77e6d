namespace MLNetLosses.Training;

/// <summary>b in every step after the warm-up, if there is one.</summary>
public sealed record ConstantSchedule : WarmupSchedule
{
    private protected override double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps) => learningRate;
}
