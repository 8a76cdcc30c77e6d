using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Indices: n_i = -[(1 - e) w_y log p_y + (e / C) sum_c w_c log p_c], <c>mean</c> = sum n_i / sum w_y, with p = softmax(logits), e =
/// LabelSmoothing. Probabilities q: n_i = -sum_c w_c ((1 - e) q_c + e / C) log p_c, <c>mean</c> = sum n_i / N (not by the weights), with a
/// gradient to q too. One logit (C = 1) with indices 0/1 is the binary case: two classes whose logits are 0 and x, so that ClassWeights has
/// two entries. On pixels [N, C, H, W] a term a pixel. Everything ignored: 0, gradient 0. Exact at logits of thousands. Do not apply a
/// softmax before. Smoothing spreads e over all C classes (the target keeps 1 - e + e / C): Szegedy et al. 2016. Follows
/// <c>torch.nn.functional.cross_entropy</c>, where everything ignored gives NaN.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or ClassWeights has another length than the classes.</exception>
[LossGuide(
    "-log p_y",
    Use = "the first choice for one class an image or pixel",
    Avoid = "softmax before the loss; heavy label noise (GeneralizedCrossEntropy); strong imbalance without ClassWeights",
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

    internal override bool IsByPixel(LossCall call) => LabelSmoothing > 0 || !ClassScores.IsCurveSmall(call);

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var weights = ClassWeightsFor(logits, call, Math.Max(2, targets.ClassCount));
        return IsByPixels(logits, targets)
            ? ByPixels(logits, targets, weights)
            : Weighed(AtLeastTwoClasses(logits, targets), targets, weights);
    }

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        var logits = call["logits"];
        var targets = ClassTargets.Read(this, call);
        if (!IsByPixels(logits, targets))
            return base.ComputeRowSums(call);
        _ = ClassWeightsFor(logits, call, Math.Max(2, targets.ClassCount)); // their number is checked
        return targets.ClassCount == 1 && ClassWeights is null
            ? LabelFormula.Of(new BinaryCrossEntropyLoss.Formula(1, 0)).RowSums(logits, targets)
            : PixelScores.CostSums(this, logits, targets, ClassWeights);
    }

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        var logits = call["logits"];
        var targets = ClassTargets.Read(this, call);
        if (!targets.AreIndices || logits.numel() == 0 || IsByPixels(logits, targets))
            return null;
        var scores = AtLeastTwoClasses(logits, targets);
        var weights = ClassWeightsFor(logits, call, (int)scores.shape[1]);
        if (weights is null && !targets.MayIgnore)
            return nn.functional.cross_entropy(scores, targets.Raw, null, IgnoreIndex, nn.Reduction.Mean, LabelSmoothing);
        // torch's mean divides by a sum of weights that may be 0: its sum and our own division serve every case.
        var sum = nn.functional.cross_entropy(scores, targets.Raw, weights, IgnoreIndex, nn.Reduction.Sum, LabelSmoothing);
        return sum / LossReducer.NotZero((RowWeights(weights, scores, targets) ?? targets.Valid!).sum());
    }

    /// <summary>The terms with other class weights than the option's.</summary>
    internal LossTerms Weighed(Tensor logits, ClassTargets targets, Tensor? weights)
    {
        if (IsByPixels(logits, targets))
        {
            ClassScores.AtLeastTwo(this, logits);
            return ByPixels(logits, targets, weights);
        }
        if (targets.AreIndices)
            return new(
                nn.functional.cross_entropy(logits, targets.Raw, weights, IgnoreIndex, nn.Reduction.None, LabelSmoothing),
                RowWeights(weights, logits, targets)
            )
            {
                Weighted = true,
            };
        var probabilities = targets.Raw.to(logits.dtype);
        return new(
            nn.functional.cross_entropy(logits, probabilities, weights, reduction: nn.Reduction.None, label_smoothing: LabelSmoothing)
        );
    }

    private LossTerms ByPixels(Tensor logits, ClassTargets targets, Tensor? weights)
    {
        var cost = PixelScores.NegativeLogLikelihood(this, logits, targets);
        var rows = RowWeights(weights, logits, targets);
        return new(weights is null ? cost : cost * rows!, rows) { Weighted = true };
    }

    /// <summary>
    /// Whether the kernels for pixels serve, which hold no probabilities: torch's keeps two tensors of the logits' size, and needs two logits where there is one.
    /// </summary>
    private bool IsByPixels(Tensor logits, ClassTargets targets) =>
        targets.AreIndices && LabelSmoothing == 0 && logits.dim() > 2 && logits.device_type == TorchSharp.DeviceType.CPU;

    private Tensor AtLeastTwoClasses(Tensor logits, ClassTargets targets)
    {
        if (logits.shape[1] > 1)
            return logits;
        if (!targets.AreIndices)
            throw Shapes.Wrong(
                this,
                "targets",
                targets.Raw,
                "class indices 0 and 1 for one logit, without the axis of classes (BinaryCrossEntropy takes labels)"
            );
        return cat(new Tensor[] { zeros_like(logits), logits }, 1);
    }
}
