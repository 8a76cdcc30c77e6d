using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = Alpha CE + Beta RCE, RCE = -sum_c p_c log(max(onehot_c, LabelFloor)) = -log(LabelFloor) (1 - p_y); class indices, a value a row.
/// Where a paper gives A = log 0, LabelFloor is exp(A): A = -4 and 1e-4 (A = -9.2) differ by 2.3 in the weight of RCE. Wang et al. 2019;
/// follows HanxunH/Active-Passive-Losses.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "α CE + β RCE",
    Use = "label noise",
    Avoid = "copying A for LabelFloor: it is exp(A)",
    Cost = "cross-entropy",
    Paper = "Wang et al. 2019"
)]
public sealed record SymmetricCrossEntropyLoss : IndexedClassificationLoss
{
    /// <summary>The weight of cross-entropy; 6 for 100 classes. Default 0.1.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>The weight of reverse cross-entropy; 0.1 for 100 classes. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>What stands for 0 in the one-hot label. Default 1e-4.</summary>
    [Interval("(0, 1)")]
    public double LabelFloor
    {
        get;
        init => field = Valid(value);
    } = 1e-4;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override bool IsByPixel(LossCall call) => !ClassScores.IsCurveSmall(call);

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var cost = ClassScores.Cost(this, logits, targets);
        return ByRow(cost * Alpha + ClassScores.Miss(cost) * (-Math.Log(LabelFloor) * Beta), targets);
    }
}
