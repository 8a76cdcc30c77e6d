using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>How the decay of <see cref="WeightAveraging"/> begins.</summary>
public enum AveragingWarmup
{
    /// <summary>d = Decay from the first update on.</summary>
    None,

    /// <summary>d = min(Decay, (1 + t) / (10 + t)).</summary>
    Updates,

    /// <summary>d = min(Decay, 1 - t^(-2/3)), at least 0: the first update takes the weights.</summary>
    Power,
}

/// <summary>
/// An exponential moving average of the weights, which is validated and kept instead of them: after update t = 1, 2, ... avg &lt;- d avg +
/// (1 - d) w. The network's floating-point buffers (batch statistics) are averaged too, its other buffers copied. Like timm's ModelEma.
/// Cost: one more copy of the weights and one pass over it a step.
/// </summary>
[DefinitionKind("averaging")]
public sealed record WeightAveraging : Definition
{
    /// <summary>d: how slowly the average forgets. Default 0.999.</summary>
    [Interval("[0, 1)")]
    public double Decay
    {
        get;
        init => field = Valid(value);
    } = 0.999;

    /// <summary>How the decay begins. Default Updates, so that short trainings do not keep their initial weights.</summary>
    public AveragingWarmup Warmup
    {
        get;
        init => field = Valid(value);
    } = AveragingWarmup.Updates;

    /// <summary>d of an update.</summary>
    /// <param name="update">t, from 1.</param>
    public double DecayAt(long update)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(update, 1);
        return Warmup switch
        {
            AveragingWarmup.Updates => Math.Min(Decay, (1.0 + update) / (10.0 + update)),
            AveragingWarmup.Power => Math.Clamp(1 - Math.Pow(update, -2.0 / 3), 0, Decay),
            _ => Decay,
        };
    }
}
