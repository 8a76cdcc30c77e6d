using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Parts of binary costs with their derivatives, off the graph and finite for any logit; s is the sigmoid.</summary>
internal static class DenseScores
{
    /// <summary>1 where the target is 1, else 0.</summary>
    public static V IsOne<V>(V y)
        where V : struct, IFormulaNumber<V> => V.Choose(V.Of(1) - y, default, V.Of(1));

    /// <summary>A value, or 0 where the target is below 0; the slope likewise.</summary>
    public static V Counted<V>(V y, V value, Span<V> slopes)
        where V : struct, IFormulaNumber<V>
    {
        if (!slopes.IsEmpty)
            (slopes[0], slopes[1]) = (V.Choose(-y, default, slopes[0]), default);
        return V.Choose(-y, default, value);
    }

    /// <summary>weight s(z)^gamma softplus(z), z = -x of an object's score x and x of a background's.</summary>
    public static V Focal<V>(V x, V isObject, V weight, double gamma, Span<V> slopes)
        where V : struct, IFormulaNumber<V>
    {
        var sign = isObject * -2 + 1;
        var score = V.LogisticOf(x * sign);
        var factor = FormulaNumbers.Power(score.Sigmoid, gamma) * weight;
        if (!slopes.IsEmpty)
            slopes[0] = (score.Rest * score.Softplus * gamma + score.Sigmoid) * factor * sign;
        return score.Softplus * factor;
    }

    /// <summary>s(z)^gamma softplus(z), the cost of a background score z or of an object's score -z, and its derivative by z.</summary>
    public static (Tensor Values, Tensor? Slopes) Modulated(Tensor z, double gamma, bool wantsSlopes) =>
        Modulated(z.sigmoid(), Softplus.Of(z), gamma, wantsSlopes);

    /// <summary>The same from s(z) and softplus(z), which becomes the values.</summary>
    public static (Tensor Values, Tensor? Slopes) Modulated(Tensor s, Tensor values, double gamma, bool wantsSlopes)
    {
        var slopes = wantsSlopes ? addcmul(s, 1 - s, values, gamma) : null;
        if (gamma != 0)
        {
            var factor = Power(s, gamma);
            values.mul_(factor);
            slopes?.mul_(factor);
        }
        return (values, slopes);
    }

    /// <summary>x^power; small whole powers without a logarithm.</summary>
    public static Tensor Power(Tensor x, double power) =>
        power == 1 ? x
        : power == 0.5 ? x.sqrt()
        : power == 2 ? x * x
        : power == 3 ? x * x * x
        : power == 4 ? Power(x * x, 2)
        : x.pow(power);
}
