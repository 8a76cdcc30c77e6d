using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What a dense detection loss computes of every place.</summary>
/// <param name="Values">0 where ignored.</param>
/// <param name="Slopes">dvalue/dlogit; null: nobody asks for it.</param>
/// <param name="Positives">True at the places that <c>mean</c> counts.</param>
internal readonly record struct DenseCost(Tensor Values, Tensor? Slopes, Tensor Positives);

/// <summary>Parts of binary costs with their derivatives, off the graph and finite for any logit; s is the sigmoid.</summary>
internal static class DenseScores
{
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
