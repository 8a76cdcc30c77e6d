using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Indices: n_i = -[(1 - e) w_y log p_y + (e / C) sum_c w_c log p_c], <c>mean</c> = sum n_i / sum w_y, with p = softmax(logits), e = LabelSmoothing.
/// Probabilities q: n_i = -sum_c w_c ((1 - e) q_c + e / C) log p_c, <c>mean</c> = sum n_i / N. One logit (C = 1) with indices 0/1: binary
/// cross-entropy on its sigmoid. Everything ignored: 0. Smoothing: Szegedy et al. 2016. Follows <c>torch.nn.functional.cross_entropy</c>.
/// </summary>
[LossGuide(
    "-log p_y",
    Use = "the first choice for one class an image or pixel",
    Avoid = "softmax before the loss; heavy label noise (GeneralizedCrossEntropy), strong imbalance without ClassWeights",
    Cost = "one pass, fused",
    Paper = "Szegedy et al. 2016 (smoothing)"
)]
public sealed record CrossEntropyLoss : WeightedClassificationLoss
{
    /// <summary>e: the part of the target's probability that is spread over all C classes. Default 0.</summary>
    [Interval("[0, 1]")]
    public double LabelSmoothing
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Probabilities;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var weights = ClassWeights is null ? null : call.Constant(ClassWeights, logits);
        if (!targets.AreIndices)
            return new(
                nn.functional.cross_entropy(logits, targets.Raw, weights, reduction: nn.Reduction.None, label_smoothing: LabelSmoothing)
            );
        var values = nn.functional.cross_entropy(logits, targets.Raw, weights, IgnoreIndex, nn.Reduction.None, LabelSmoothing);
        var valid = targets.Weights(logits)!;
        return new(values, weights is null ? valid : weights.take(targets.Safe) * valid) { Weighted = true };
    }
}
