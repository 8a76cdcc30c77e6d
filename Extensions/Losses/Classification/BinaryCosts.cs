using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Costs of a logit that is asked whether something is there; s is the sigmoid. All are finite for any logit.</summary>
internal static class BinaryCosts
{
    /// <summary>weight s(z)^gamma softplus(z), z = -x where the label is 1 and x where it is 0; between the two for a soft label.</summary>
    /// <param name="x">The logit.</param>
    /// <param name="label">In [0, 1].</param>
    /// <param name="weight">A factor.</param>
    /// <param name="gamma">At least 0.</param>
    /// <param name="slopes">The derivative by x is written to the first, where there is room.</param>
    public static V Focal<V>(V x, V label, V weight, double gamma, Span<V> slopes)
        where V : struct, IFormulaNumber<V>
    {
        var sign = label * -2 + 1;
        var score = V.LogisticOf(x * sign);
        var factor = FormulaNumbers.Power(score.Sigmoid, gamma) * weight;
        if (!slopes.IsEmpty)
            slopes[0] = (score.Rest * score.Softplus * gamma + score.Sigmoid) * factor * sign;
        return score.Softplus * factor;
    }

    /// <summary>x^power; small whole powers without a logarithm.</summary>
    public static Tensor Power(Tensor x, double power) =>
        power == 0 ? ones_like(x) : FormulaNumbers.Power(new TensorNumber(x), power).Values;
}
