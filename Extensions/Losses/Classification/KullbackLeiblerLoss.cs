using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Probabilities q [N, C, ...]: l = sum_c q_c (log q_c - log p_c), p = softmax(logits), 0 log 0 = 0; a value a row, mean over rows (not
/// over N C elements). The gradient to the logits is p - q, that of <see cref="CrossEntropyLoss"/>; the value is CrossEntropy - entropy(q),
/// so that 0 is reached. The gradient to q is log q + 1 - log p, large but finite at q = 0. Takes logits and probabilities, in this order.
/// Follows <c>torch.nn.functional.kl_div</c> summed over classes.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or rows do not sum to 1.</exception>
[LossGuide(
    "Σ q log(q/p)",
    Use = "soft targets whose own entropy shall not count",
    Avoid = "swapping the arguments; means over N C elements",
    Cost = "about five passes",
    Paper = "Kullback and Leibler 1951"
)]
public sealed record KullbackLeiblerLoss : ClassificationLoss
{
    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Probabilities;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var q = targets.Raw.to(logits.dtype);
        ClassScores.AtLeastTwo(this, logits);
        var negativeEntropy = (q * q.clamp_min(FocalCurve.Tiny).log()).sum(1);
        return new(nn.functional.cross_entropy(logits, q, reduction: nn.Reduction.None) + negativeEntropy);
    }
}
