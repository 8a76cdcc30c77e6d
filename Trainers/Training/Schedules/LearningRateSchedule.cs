using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// How the learning rate changes while training: a pure function of the step, so that it needs no state and resumes by itself (only
/// <see cref="PlateauSchedule"/> also watches a metric). Steps are optimizer steps. The kinds are <see cref="ConstantSchedule"/>,
/// <see cref="CosineSchedule"/>, <see cref="CosineRestartsSchedule"/>, <see cref="StepSchedule"/>, <see cref="MultiStepSchedule"/>,
/// <see cref="PolynomialSchedule"/>, <see cref="ExponentialSchedule"/>, <see cref="OneCycleSchedule"/> and <see cref="PlateauSchedule"/>.
/// </summary>
[DefinitionKind("schedule", "Schedule")]
public abstract record LearningRateSchedule : Definition
{
    private protected LearningRateSchedule() { }

    /// <summary>
    /// Reads a schedule from text such as <c>Cosine(warmupSteps: 100)</c> or from JSON such as <c>{"schedule": "Cosine"}</c>.
    /// </summary>
    /// <param name="text">The text form, or JSON when it starts with a brace.</param>
    /// <exception cref="FormatException">The text is not a schedule; the message says where and what is allowed.</exception>
    public static LearningRateSchedule Parse(string text) => Definitions.Parse<LearningRateSchedule>(text);

    /// <summary>The rate of a step.</summary>
    /// <param name="learningRate">b, the optimizer's rate.</param>
    /// <param name="step">The step, from 0; the value is used in this step.</param>
    /// <param name="totalSteps">How many steps the training has.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number is negative, or the step lies behind the end of a schedule that has one.
    /// </exception>
    public double RateAt(double learningRate, long step, long totalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(learningRate);
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegative(totalSteps);
        return Rate(learningRate, step, totalSteps);
    }

    private protected abstract double Rate(double learningRate, long step, long totalSteps);

    /// <summary>From a at p = 0 to c at p = 1 along half a cosine.</summary>
    private protected static double Cosine(double a, double c, double p) => c + ((a - c) * (1 + Math.Cos(Math.PI * p)) / 2);
}

/// <summary>
/// A schedule that may begin with a warm-up of W steps: rate = start + (b - start) s / W for s &lt; W, with start =
/// <see cref="WarmupStart"/>.
/// </summary>
public abstract record WarmupSchedule : LearningRateSchedule
{
    private protected WarmupSchedule() { }

    /// <summary>W in steps; null (the default): <see cref="WarmupFraction"/> of all steps.</summary>
    [Interval("[0, inf)")]
    public int? WarmupSteps
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>
    /// W as a part of all steps, where <see cref="WarmupSteps"/> is null. Default 0, for <see cref="CosineSchedule"/> 0.05.
    /// </summary>
    [Interval("[0, 1)")]
    public double WarmupFraction
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The rate (not a factor) of step 0 of the warm-up. Default 0.</summary>
    [Interval("[0, inf)")]
    public double WarmupStart
    {
        get;
        init => field = Valid(value);
    }

    private protected sealed override double Rate(double learningRate, long step, long totalSteps)
    {
        var warmup = WarmupSteps ?? (long)Math.Round(WarmupFraction * totalSteps);
        return step < warmup
            ? WarmupStart + ((learningRate - WarmupStart) * step / warmup)
            : RateAfterWarmup(learningRate, step, warmup, totalSteps);
    }

    private protected abstract double RateAfterWarmup(double learningRate, long step, long warmup, long totalSteps);

    /// <summary>The part done of what follows the warm-up, at most 1.</summary>
    private protected static double Progress(long step, long warmup, long totalSteps) =>
        totalSteps <= warmup ? 1 : Math.Min(1, (double)(step - warmup) / (totalSteps - warmup));
}
