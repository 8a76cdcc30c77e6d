using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Focal loss whose Gamma follows the training. p_n = the probability of the right answer (indices: softmax, a value a row; labels 0/1: sigmoid, a value an element);
/// q' = Momentum q + (1 - Momentum) mean p over what counts, rows by their weights; gamma = -log q', constant; l = -(1 - p)^gamma log p: strong focus early (q small), plain cross-entropy late (q near 1).
/// State <c>meanCorrectProbability</c> q, not trained, saved with the model; 0 (at first) means: take the first batch's mean. Training leaves q' behind; evaluation uses q as
/// it is. Finite at logits of +-10,000. Weber et al. 2019.
/// </summary>
[LossFamily("Weighting")]
[LossGuide(
    "-(1 - p)^γ log p, γ = -log(running mean of p)",
    Use = "easy examples drown the hard ones, and Gamma shall not be tuned",
    Avoid = "label noise, as with Focal",
    Cost = "as Focal",
    Paper = "Weber et al. 2019"
)]
public sealed record AutomatedFocalLoss : IndexedClassificationLoss
{
    /// <summary>How much of the old mean stays at each step. Default 0.95.</summary>
    [Interval("[0, 1)")]
    public double Momentum
    {
        get;
        init => field = Valid(value);
    } = 0.95;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Labels;

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false; // gamma depends on the logits and is held constant

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        using var scope = NewDisposeScope();
        return new LossState(context).AddBuffer("meanCorrectProbability", zeros([]));
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        // Costs n = -log p and m = log(1 - p), both without leaving log space.
        Tensor cost;
        Tensor logMiss;
        if (targets.AreBinary)
        {
            var away = OneVsRest.Away(logits, targets);
            (cost, logMiss) = (-nn.functional.logsigmoid(-away), nn.functional.logsigmoid(away));
        }
        else
        {
            cost = ClassScores.Cost(this, logits, targets);
            var others = OneVsRest.SetTarget(logits, targets, full_like(targets.Pick(logits), double.NegativeInfinity));
            logMiss = others.logsumexp(1) - logits.logsumexp(1);
        }
        var counted = (targets.AreBinary ? targets.AsLabels() : targets).Weights(logits)!;
        var gamma = Gamma(cost.detach(), call.Optional("weights") is { } rows ? counted * ShapeWeights(rows, cost) : counted, call);
        return new((gamma * logMiss).exp() * cost, counted);
    }

    private Tensor Gamma(Tensor cost, Tensor counted, LossCall call)
    {
        using var frozen = no_grad();
        var known = call.State["meanCorrectProbability"];
        var right = (-cost).exp();
        var total = counted.sum();
        var mean = (right * counted).sum() / LossReducer.NotZero(total);
        // Nothing counts: nothing is learned.
        mean = where(total.eq(0), where(known.gt(0), known, 1), mean);
        var current = where(known.gt(0), known, mean);
        if (call.Training)
        {
            current = Momentum * current + (1 - Momentum) * mean;
            call.State.Set("meanCorrectProbability", current);
        }
        return -current.clamp(min: 1e-30).log();
    }
}
