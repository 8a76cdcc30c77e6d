using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The passive part of <see cref="ActivePassiveLoss"/>.</summary>
public enum PassiveLoss
{
    /// <summary>-log(LabelFloor) (1 - p_y).</summary>
    ReverseCrossEntropy,

    /// <summary>1 - p_y.</summary>
    MeanAbsoluteError,
}

/// <summary>
/// l = Alpha NCE + Beta passive; NCE = log p_y / sum_c log p_c, in [0, 1] (1 / C for equal logits); passive: ReverseCrossEntropy =
/// -log(LabelFloor) (1 - p_y), or MeanAbsoluteError = 1 - p_y. Class indices, a value a row. The active part fits the label, the passive
/// part forbids the others; both are robust to symmetric noise. Ma et al. 2020; follows HanxunH/Active-Passive-Losses <c>NCEandRCE</c> and
/// <c>NCEandMAE</c>.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "α log p_y/Σ log p_c + β passive",
    Use = "label noise",
    Avoid = "the defaults with 100 classes (10 and 0.1 there)",
    Cost = "about four passes",
    Paper = "Ma et al. 2020"
)]
public sealed record ActivePassiveLoss : IndexedClassificationLoss
{
    /// <summary>The weight of the active part; 10 for 100 classes. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The weight of the passive part; 0.1 for 100 classes. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The passive part. Default ReverseCrossEntropy.</summary>
    public PassiveLoss Passive
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>What stands for 0 in the one-hot label, for ReverseCrossEntropy. Default 1e-4.</summary>
    [Interval("(0, 1)")]
    public double LabelFloor
    {
        get;
        init => field = Valid(value);
    } = 1e-4;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var logs = ClassScores.LogProbabilities(this, logits);
        var log = targets.Pick(logs);
        var passive = Passive == PassiveLoss.MeanAbsoluteError ? Beta : -Math.Log(LabelFloor) * Beta;
        return ByRow(log / logs.sum(1) * Alpha + ClassScores.Miss(-log) * passive, targets);
    }
}
