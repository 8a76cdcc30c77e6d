using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = sum_c |p_c - q_c| / 2, p = softmax(logits): the total variation distance; with class indices 1 - p_y. Indices or probabilities q, a
/// value a row. Robust to symmetric label noise, slow to fit. Ghosh et al. 2017, whose value is twice ours; equals <see
/// cref="GeneralizedCrossEntropyLoss"/> with Q = 1. Named so because <see cref="MeanAbsoluteErrorLoss"/> is the regression loss of raw
/// outputs.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "1 - p_y",
    Use = "heavy symmetric label noise, few classes",
    Avoid = "many classes: hardly any gradient at the start",
    Cost = "cross-entropy",
    Paper = "Ghosh et al. 2017"
)]
public sealed record ProbabilityMeanAbsoluteErrorLoss : IndexedClassificationLoss
{
    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Probabilities;

    internal override bool IsByPixel(LossCall call) => !ClassScores.IsCurveSmall(call);

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call) =>
        targets.AreIndices
            ? ByRow(ClassScores.Miss(ClassScores.Cost(this, logits, targets)), targets)
            : new((nn.functional.softmax(logits, 1) - targets.Raw).abs().sum(1) / 2);
}
