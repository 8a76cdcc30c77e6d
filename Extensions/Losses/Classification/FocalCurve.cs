using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>(1 - p)^gamma (-log p) as a curve over a cost or a logit, with a derivative that is finite everywhere.</summary>
internal static class FocalCurve
{
    /// <summary>The least normal number of single precision, which keeps 0 from a negative power and from a denominator.</summary>
    public const double Tiny = 1.2e-38;

    /// <summary>Over costs n = -log p: (1 - exp(-n))^gamma n.</summary>
    public static Tensor OfCost(Tensor cost, double gamma)
    {
        if (gamma == 0)
            return cost;
        var miss = ClassScores.Miss(cost);
        // A power below 1 has an infinite slope at 0, where the cost that multiplies it is 0: 0 there.
        return (gamma < 1 ? miss.clamp_min(Tiny).pow(gamma) : BinaryCosts.Power(miss, gamma)) * cost;
    }

    /// <summary>Over logits z away from the truth: sigmoid(z)^gamma softplus(z).</summary>
    public static Tensor OfAway(Tensor away, double gamma) => ElementFormulas.Terms(new FocalFormula(gamma), away);
}

/// <summary>The sigmoid form. Inputs: the logit, and its label; without a label the logit is one away from the truth.</summary>
internal readonly record struct FocalFormula(double Gamma, double? Alpha = null) : IElementFormula
{
    public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
        where V : struct, IFormulaNumber<V>
    {
        count = V.Of(1);
        var label = inputs.Length > 1 ? inputs[1] : default;
        return BinaryCosts.Focal(inputs[0], label, Alpha is { } alpha ? label * (2 * alpha - 1) + (1 - alpha) : count, Gamma, slopes);
    }
}
