using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// How gradients change weights: an immutable record of options, with the values of torch.optim's optimizer of the same name. Compare by
/// value, change with <c>with</c>, write with <c>ToString()</c> or <c>ToJson()</c>, read with <see cref="Parse"/>. The kinds are
/// <see cref="Sgd"/>, <see cref="Adam"/>, <see cref="AdamW"/> and <see cref="RmsProp"/>.
/// </summary>
[DefinitionKind("optimizer")]
public abstract record Optimizer : Definition
{
    /// <summary>The learning rate b that a <see cref="LearningRateSchedule"/> starts from.</summary>
    [Interval("[0, inf)")]
    public double LearningRate
    {
        get;
        init => field = Valid(value);
    } = 1e-3;

    /// <summary>
    /// Pulls weights to 0. Added to the gradient as WeightDecay w (L2), except by <see cref="AdamW"/>, which multiplies w by
    /// 1 - rate WeightDecay. Parameters of losses are never decayed.
    /// </summary>
    [Interval("[0, inf)")]
    public double WeightDecay
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>
    /// Reads an optimizer from text such as <c>Sgd(learningRate: 0.05, momentum: 0.9)</c> or from JSON such as <c>{"optimizer": "Sgd"}</c>.
    /// </summary>
    /// <param name="text">The text form, or JSON when it starts with a brace.</param>
    /// <exception cref="FormatException">The text is not an optimizer; the message says where and what is allowed.</exception>
    public static Optimizer Parse(string text) => Definitions.Parse<Optimizer>(text);

    /// <summary>The arithmetic of one step.</summary>
    internal abstract UpdateRule CreateRule();
}
