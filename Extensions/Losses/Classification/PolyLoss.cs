using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Poly-1. Softmax (indices): l = -(1 - p_y)^Gamma log p_y + Epsilon1 (1 - p_y)^(Gamma + 1), a value a row. Sigmoid (labels; one-vs-rest):
/// the same with p_t, a value an element. Gamma 0 is Poly-1 cross-entropy, 2 Poly-1 focal. ClassWeights weighs the whole term. Finite at
/// saturated logits. Leng et al. 2022; follows abhuse/polyloss-pytorch
/// (<c>alpha=-1</c> in its focal form, whose <c>weight</c> multiplies only the cross-entropy); optax's default coefficient is 2.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or ClassWeights has another length than the classes.</exception>
[LossGuide(
    "-(1 - p_y)^γ log p_y + ε₁(1 - p_y)^(γ + 1)",
    Use = "cross-entropy or focal with one more knob: positive for balanced data, negative in detection",
    Avoid = "reading Epsilon1 as a guard against 0",
    Cost = "cross-entropy and a few passes over rows",
    Paper = "Leng et al. 2022"
)]
public sealed record PolyLoss : ActivatedClassificationLoss
{
    /// <summary>The coefficient of the added term, no guard; below -1 a part of the curve would rise. Default 1.</summary>
    [Interval("[-1, inf)")]
    public double Epsilon1
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The focal exponent. Default 0, cross-entropy.</summary>
    [Interval("[0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    }

    private protected override LabelFormula? OfLabel => Activation == ClassActivation.Softmax || ClassWeights is not null ? null : Labelled;

    private LabelFormula Labelled => LabelFormula.Of(new Formula(Epsilon1, Gamma));

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        if (UsesSoftmax(targets))
        {
            var cost = ClassScores.Cost(this, logits, targets);
            return ByTargetClass(FocalCurve.OfCost(cost, Gamma) + Added(ClassScores.Miss(cost)), logits, targets, call);
        }
        return targets.AreBinary
            ? ByColumn(Labelled.Values(logits, targets), targets.AsLabels(), call)
            : ByColumn(ElementFormulas.Terms(new Formula(Epsilon1, Gamma), OneVsRest.Away(logits, targets)), targets, call);
    }

    /// <summary>The sigmoid form. Inputs as those of <see cref="FocalFormula"/>.</summary>
    internal readonly record struct Formula(double Epsilon1, double Gamma) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            var sign = (inputs.Length > 1 ? inputs[1] : default) * -2 + 1;
            var score = V.LogisticOf(inputs[0] * sign);
            var power = FormulaNumbers.Power(score.Sigmoid, Gamma);
            if (!slopes.IsEmpty)
            {
                var ofPower = score.Softplus * Gamma + score.Sigmoid * (Epsilon1 * (Gamma + 1));
                slopes[0] = (score.Rest * ofPower + score.Sigmoid) * power * sign;
            }
            return (score.Softplus + score.Sigmoid * Epsilon1) * power;
        }
    }

    private Tensor Added(Tensor miss) => BinaryCosts.Power(miss, Gamma + 1) * Epsilon1;
}
