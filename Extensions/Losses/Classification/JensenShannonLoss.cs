using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Distributions d_0 = the target (weight a = TargetWeight) and V + 1 predictions d_i = softmax of <c>logits</c> and of the optional input
/// <c>viewLogits</c> [V, N, C, ...] (weight (1 - a) / (V + 1) each); m = their weighted mean: l = sum_i w_i KL(d_i || m), divided by Z =
/// -(1 - a) log(1 - a) if Scaled and a &gt; 0. Targets: indices or probabilities; a value a row. Without views the Jensen-Shannon
/// divergence, with views the generalised one, which also asks the views to agree. Bounded: confidently wrong costs H(a, 1 - a) / Z, 2 at a
/// = 0.5. a = 0: the views alone (AugMix's consistency), unscaled, the targets unused. Exact at logits of thousands. Englesson and Azizpour
/// 2021; follows ErikEnglesson/GJS, which clamps probabilities at 1e-7; timm's <c>JsdCrossEntropy</c> is cross-entropy of the clean third +
/// 12 x the loss with TargetWeight 0.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "Σ w_i KL(d_i ‖ m)/Z",
    Use = "label noise; consistency of augmented views",
    Avoid = "a small TargetWeight from random weights with many classes: slow to fit",
    Cost = "about ten passes a view",
    Paper = "Englesson and Azizpour 2021"
)]
public sealed record JensenShannonLoss : IndexedClassificationLoss
{
    /// <summary>a: the target's weight; 0: views alone. Default 0.5.</summary>
    [Interval("[0, 1)")]
    public double TargetWeight
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Whether to divide by Z, so that a towards 0 is cross-entropy and a towards 1 is 1 - p_y. Default true.</summary>
    public bool Scaled { get; init; } = true;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => TargetWeight > 0 ? ["logits", "targets"] : ["logits"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => TargetWeight > 0 ? ["viewLogits"] : ["viewLogits", "targets"];

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Probabilities;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var logs = Views(call);
        var weight = (1 - TargetWeight) / logs.Count;
        var average = (logs.Count == 1 ? logs[0] : stack(logs).logsumexp(0)) + Math.Log(weight);
        if (TargetWeight == 0)
            return new(Disagreement(logs, average) * weight);
        var targets = ClassTargets.Read(this, call);
        var logA = Math.Log(TargetWeight);
        Tensor own;
        if (targets.AreIndices)
        {
            var atTarget = targets.Pick(average);
            atTarget = atTarget.logaddexp(full_like(atTarget, logA));
            average = OneVsRest.SetTarget(average, targets, atTarget);
            own = -atTarget;
        }
        else
        {
            var q = targets.Raw.to(average.dtype);
            var possible = q.gt(0);
            var logQ = where(possible, q, 1).log();
            average = where(possible, average.logaddexp(logQ + logA), average);
            own = (q * (logQ - average)).sum(1);
        }
        var values = own * TargetWeight + Disagreement(logs, average) * weight;
        return ByRow(Scaled ? values / (-(1 - TargetWeight) * Math.Log(1 - TargetWeight)) : values, targets);
    }

    // Sum over the predictions of KL(d_i || m).
    private static Tensor Disagreement(IReadOnlyList<Tensor> logs, Tensor average)
    {
        Tensor? sum = null;
        foreach (var log in logs)
        {
            var one = (log.exp() * (log - average)).sum(1);
            sum = sum is null ? one : sum + one;
        }
        return sum!;
    }

    private List<Tensor> Views(LossCall call)
    {
        var logits = call["logits"];
        Shapes.Floating(this, "logits", logits);
        if (logits.dim() < 2)
            throw Shapes.Wrong(this, "logits", logits, "[N, C, ...] with at least two axes");
        var logs = new List<Tensor> { ClassScores.LogProbabilities(this, logits) };
        if (call.Optional("viewLogits") is not { } views)
            return logs;
        if (views.dim() != logits.dim() + 1 || !views.shape.AsSpan(1).SequenceEqual(logits.shape))
            throw Shapes.Wrong(this, "viewLogits", views, $"[V, {string.Join(", ", logits.shape)}], the shape of the logits for each view");
        for (var view = 0; view < views.shape[0]; view++)
            logs.Add(ClassScores.LogProbabilities(this, views[view]));
        return logs;
    }
}
