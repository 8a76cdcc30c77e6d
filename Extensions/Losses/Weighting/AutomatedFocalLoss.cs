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

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        if (!PixelSums.Serve(this, call))
            return null;
        // Gamma is of the batch; the rest is of each pixel.
        var binary = ClassTargets.MayBeBinary(call) && ClassTargets.Read(this, call) is { AreBinary: true } read ? read : null;
        LossTerms? right;
        using (no_grad())
            right = binary is null
                ? PixelSums.Of(this, call, (part, _) => Right(part))
                : LabelFormula.Of(new ProbabilityFormula()).RowSums(call["logits"], binary);
        if (right is not { Weights: { } counted })
            return null;
        var gamma = call.Optional("weights") is { } rows
            ? Gamma(right.Values.dot(rows.to(right.Values.dtype)), counted.dot(rows.to(counted.dtype)), call)
            : Gamma(right.Values.sum(), counted.sum(), call);
        var exponent = gamma.to(ScalarType.Float64).item<double>();
        return binary is null
            ? PixelSums.Of(this, call, (part, _) => Terms(part, exponent))
            : LabelFormula.Of(new FocalFormula(exponent)).RowSums(call["logits"], binary);
    }

    private LossTerms Right(LossCall call)
    {
        var (logits, targets) = (call["logits"], ClassTargets.Read(this, call));
        return new((-Costs(logits, targets).Cost).exp(), Counted(logits, targets));
    }

    private LossTerms Terms(LossCall call, double gamma)
    {
        var (logits, targets) = (call["logits"], ClassTargets.Read(this, call));
        var (cost, logMiss) = Costs(logits, targets);
        return new((logMiss() * gamma).exp() * cost, Counted(logits, targets));
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var (cost, logMiss) = Costs(logits, targets);
        var counted = Counted(logits, targets);
        Tensor gamma;
        using (no_grad())
        {
            var weights = call.Optional("weights") is { } rows ? counted * ShapeWeights(rows, cost) : counted;
            gamma = Gamma(((-cost).exp() * weights).sum(), weights.sum(), call);
        }
        return new((gamma * logMiss()).exp() * cost, counted);
    }

    // n = -log p and m = log(1 - p), both without leaving log space.
    private (Tensor Cost, Func<Tensor> LogMiss) Costs(Tensor logits, ClassTargets targets)
    {
        if (targets.AreBinary)
        {
            var away = OneVsRest.Away(logits, targets);
            return (-nn.functional.logsigmoid(-away), () => nn.functional.logsigmoid(away));
        }
        return (
            ClassScores.Cost(this, logits, targets),
            () =>
            {
                var others = OneVsRest.SetTarget(logits, targets, full_like(targets.Pick(logits), double.NegativeInfinity));
                return others.logsumexp(1) - logits.logsumexp(1);
            }
        );
    }

    private static Tensor Counted(Tensor logits, ClassTargets targets) =>
        (targets.AreBinary ? targets.AsLabels() : targets).Weights(logits)!;

    /// <summary>The probability of the right answer. Inputs: a logit and its label.</summary>
    private readonly record struct ProbabilityFormula : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            return V.LogisticOf(inputs[0] * (inputs[1] * 2 + -1)).Sigmoid;
        }
    }

    /// <summary>From the sums of w p and of w.</summary>
    private Tensor Gamma(Tensor right, Tensor total, LossCall call)
    {
        using var frozen = no_grad();
        var known = call.State["meanCorrectProbability"];
        var mean = right / LossReducer.NotZero(total);
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
