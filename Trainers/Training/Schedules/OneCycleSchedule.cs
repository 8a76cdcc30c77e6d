using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>The curve of <see cref="OneCycleSchedule"/>.</summary>
public enum Annealing
{
    /// <summary>Half a cosine.</summary>
    Cosine,

    /// <summary>A straight line.</summary>
    Linear,
}

/// <summary>
/// From b / DivFactor up to b at step u = WarmupFraction T - 1, then down to b / DivFactor / FinalDivFactor at step T - 1 (Smith 2018). The
/// optimizer's learning rate is the highest. Follows <c>torch.optim.lr_scheduler.OneCycleLR</c> with two phases.
/// </summary>
public sealed record OneCycleSchedule : LearningRateSchedule
{
    /// <summary>The part of the steps in which the rate rises. Default 0.3.</summary>
    [Interval("(0, 1)")]
    public double WarmupFraction
    {
        get;
        init => field = Valid(value);
    } = 0.3;

    /// <summary>b divided by this is the rate of step 0. Default 25.</summary>
    [Interval("(0, inf)")]
    public double DivFactor
    {
        get;
        init => field = Valid(value);
    } = 25;

    /// <summary>The rate of step 0 divided by this is the rate of the last step. Default 10000.</summary>
    [Interval("(0, inf)")]
    public double FinalDivFactor
    {
        get;
        init => field = Valid(value);
    } = 1e4;

    /// <summary>The curve. Default Cosine.</summary>
    public Annealing Anneal
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>T in steps; a step behind it is an error. Null (the default): the steps of the training.</summary>
    [Interval("[2, inf)")]
    public int? TotalSteps
    {
        get;
        init => field = Valid(value);
    }

    private protected override double Rate(double learningRate, long step, long totalSteps)
    {
        var total = TotalSteps ?? totalSteps;
        if (step >= Math.Max(total, 1))
            throw new ArgumentOutOfRangeException(
                nameof(step),
                step,
                $"OneCycle ends after {total} steps; raise TotalSteps or leave it null, which means all steps of the training."
            );
        var (top, end) = ((WarmupFraction * total) - 1, total - 1.0);
        var first = learningRate / DivFactor;
        return step <= top
            ? Between(first, learningRate, top > 0 ? step / top : 1)
            : Between(learningRate, first / FinalDivFactor, Math.Clamp((step - top) / (end - top), 0, 1));
    }

    private double Between(double a, double c, double p) => Anneal == Annealing.Linear ? a + ((c - a) * p) : Cosine(a, c, p);
}
