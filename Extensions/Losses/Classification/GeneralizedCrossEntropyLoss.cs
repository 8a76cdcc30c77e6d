using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = (1 - p_y^Q) / Q, p = softmax(logits); class indices, a value a row. Q 1 is 1 - p_y, towards 0 cross-entropy; hopelessly wrong costs
/// 1 / Q. The gradient -p_y^Q (one-hot - p) vanishes for hopeless rows, which is the point: with many classes it needs a longer or
/// warmed-up training. Zhang and Sabuncu 2018, untruncated; follows HanxunH/Active-Passive-Losses, which clamps p at 1e-7.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "(1 - p_y^Q)/Q",
    Use = "label noise",
    Avoid = "many classes from random weights without a warm-up",
    Cost = "cross-entropy",
    Paper = "Zhang and Sabuncu 2018"
)]
public sealed record GeneralizedCrossEntropyLoss : IndexedClassificationLoss
{
    /// <summary>Between cross-entropy (0, excluded) and mean absolute error (1). Default 0.7.</summary>
    [Interval("(0, 1]")]
    public double Q
    {
        get;
        init => field = Valid(value);
    } = 0.7;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override bool IsByPixel(LossCall call) => !ClassScores.IsCurveSmall(call);

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call) =>
        ByRow((ClassScores.Cost(this, logits, targets) * -Q).expm1() / -Q, targets);
}
