using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Parts of binary costs with their derivatives, off the graph and finite for any logit; s is the sigmoid.</summary>
internal static class BinaryCosts
{
    /// <summary>s(z)^gamma softplus(z), the cost of a background score z or of an object's score -z, and its derivative by z.</summary>
    public static (Tensor Values, Tensor? Slopes) Modulated(Tensor z, double gamma, bool wantsSlopes)
    {
        var (s, values) = (z.sigmoid(), Softplus.Of(z));
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
        power == 0 ? ones_like(x) : FormulaNumbers.Power(new TensorNumber(x), power).Values;
}
