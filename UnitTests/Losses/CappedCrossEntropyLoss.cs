using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>min(-log p_y, Cap), a value a row: a wrong label costs no more than the cap.</summary>
[LossGuide("min(-log p_y, cap)", Use = "wrong labels", Avoid = "a low cap from random weights", Cost = "cross-entropy and a pass")]
public sealed record CappedCrossEntropyLoss : ClassificationLoss
{
    /// <summary>What a row costs at most. Default 5.</summary>
    [Interval("(0, inf)")]
    public double Cap
    {
        get;
        init => field = Valid(value);
    } = 5;

    protected internal override TargetForms TargetForms => TargetForms.Indices;

    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        if (targets.ClassCount < 2)
            throw new ArgumentException($"{Name}: two classes or more are wanted; the logits have {targets.ClassCount}.", nameof(logits));
        var cost = nn.functional.cross_entropy(logits, targets.Raw, reduction: nn.Reduction.None);
        return new LossTerms(cost.clamp(max: Cap));
    }
}
