using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// ASL. Labels 0/1 (or one logit), p = sigmoid(x), a value an element: t = 1: -(1 - p)^GammaPositive log p; t = 0: -p_m^GammaNegative log(1
/// - p_m), p_m = max(p - Margin, 0). Indices, C &gt; 1, p = softmax(x), a value a row: t' = one-hot (1 - e) + e / C, l = -sum_c t'_c W_c
/// log p_c, W_y = (1 - p_y)^GammaPositive, W_c = p_c^GammaNegative elsewhere; Margin is not used, and with e = 0 there is no negative part:
/// a focal loss. A missed positive keeps its value and gradient however wrong it is (timm and the authors cap it at log 1e-8); gradients
/// flow through the focusing weights. The authors sum over the batch: use reduction Sum with their learning rates. Ridnik et al. 2021; follows timm's <c>AsymmetricLossMultiLabel</c> and <c>AsymmetricLossSingleLabel</c>.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or LabelSmoothing is given with labels.</exception>
[LossGuide(
    "-(1 - p)^γ₊ log p for positives, -p_m^γ₋ log(1 - p_m) for negatives",
    Use = "multi-label with many easy or mislabelled negatives",
    Avoid = "LabelSmoothing 0 with indices: the negative part vanishes",
    Cost = "labels: one pass",
    Paper = "Ridnik et al. 2021"
)]
public sealed record AsymmetricLoss : IndexedClassificationLoss
{
    /// <summary>The focal exponent of positives. Default 1.</summary>
    [Interval("[0, inf)")]
    public double GammaPositive
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The focal exponent of negatives. Default 4.</summary>
    [Interval("[0, inf)")]
    public double GammaNegative
    {
        get;
        init => field = Valid(value);
    } = 4;

    /// <summary>The probability below which a negative costs nothing, for labels; <c>clip</c> in other code. Default 0.05.</summary>
    [Interval("[0, 1)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.05;

    /// <summary>e for indices; null (default): 0.1. Refused with labels.</summary>
    [Interval("[0, 1]")]
    public double? LabelSmoothing
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Labels;

    internal override bool IsByPixel(LossCall call) => true;

    private protected override LabelFormula? OfLabel =>
        LabelSmoothing is null ? LabelFormula.Of(new Formula(GammaPositive, GammaNegative, Margin)) : null;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        if (!targets.AreBinary)
            return ByRow(OfIndices(logits, targets, LabelSmoothing ?? 0.1), targets);
        if (OfLabel is not { } formula)
            throw new ArgumentException(
                "Asymmetric: LabelSmoothing belongs to class indices; the targets are labels. Leave it null.",
                nameof(LabelSmoothing)
            );
        return ByRow(formula.Values(logits, targets), targets.AsLabels());
    }

    private Tensor OfIndices(Tensor logits, ClassTargets targets, double smoothing)
    {
        var logs = ClassScores.LogProbabilities(this, logits);
        var cost = -targets.Pick(logs);
        var spread = smoothing / targets.ClassCount;
        var values = FocalCurve.OfCost(cost, GammaPositive) * (1 - smoothing + spread);
        if (spread == 0)
            return values;
        Tensor Weighted(Tensor costs) => GammaNegative == 0 ? costs : (costs * -GammaNegative).exp() * costs;
        return values + (Weighted(-logs).sum(1) - Weighted(cost)) * spread;
    }

    /// <summary>The label form. Inputs: the logit and its label, 0 or 1.</summary>
    internal readonly record struct Formula(double GammaPositive, double GammaNegative, double Margin) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            var label = inputs[1];
            var sign = label * -2 + 1;
            var score = V.LogisticOf(inputs[0] * sign); // of the logit away from the truth
            var hit = FormulaNumbers.Power(score.Sigmoid, GammaPositive);
            // r^gamma (-log(1 - r)), r = max(s - Margin, 0)
            var r = V.Max(score.Sigmoid + -Margin, 0);
            var rest = score.Rest + Margin;
            var cost = Margin == 0 ? score.Softplus : V.LogOnePlus(r / rest);
            var miss = FormulaNumbers.Power(r, GammaNegative);
            if (!slopes.IsEmpty)
            {
                // d/dr = r^gamma (gamma cost / r + 1 / (1 - r)), dr/dz = s (1 - s) above the margin
                var rise = score.Sigmoid * score.Rest;
                var ofMiss =
                    Margin == 0
                        ? cost * score.Rest * GammaNegative + score.Sigmoid
                        : V.IfPositive(r, (cost * rise / V.Max(r, FocalCurve.Tiny)) * GammaNegative + rise / rest);
                var ofHit = score.Rest * score.Softplus * GammaPositive + score.Sigmoid;
                slopes[0] = V.Choose(label, ofHit * hit, ofMiss * miss) * sign;
            }
            return V.Choose(label, score.Softplus * hit, cost * miss);
        }
    }
}
