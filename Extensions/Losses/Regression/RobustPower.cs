using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Barron's rho as a function of z = (x / c)^2, and the integral that makes it a density.</summary>
internal static class RobustPower
{
    // Learned shapes keep this distance from 0 and 2, where b / alpha or z / b divides by 0.
    private const double Margin = 1e-6;

    /// <summary>rho for a fixed alpha; one branch, so that no unused one turns the gradient into NaN.</summary>
    public static Tensor Of(Tensor z, double alpha) =>
        alpha switch
        {
            2 => z / 2,
            1 => z / ((z + 1).sqrt_() + 1), // sqrt(z + 1) - 1 with all its digits
            0 => (z / 2).log1p(),
            -2 => z * 2 / (z + 4),
            double.NegativeInfinity => -(z / -2).expm1(),
            double.PositiveInfinity => (z / 2).expm1(),
            _ => ((z / Math.Abs(alpha - 2)).log1p() * (alpha / 2)).expm1() * (Math.Abs(alpha - 2) / alpha),
        };

    /// <summary>rho for learned alphas in [0, 2].</summary>
    public static Tensor Of(Tensor z, Tensor alpha)
    {
        var inside = alpha.clamp(Margin, 2 - Margin);
        var b = 2 - inside;
        return ((z / b).log1p() * (inside / 2)).expm1() * (b / inside);
    }

    /// <summary>log Z for learned alphas of any shape, exact to 1e-13 and differentiable.</summary>
    public static Tensor LogPartition(Tensor alpha)
    {
        var (nodes, weights) = Quadrature();
        var z = tensor(nodes, dtype: float64, device: alpha.device).square();
        var w = tensor(weights, dtype: float64, device: alpha.device);
        var density = (-Of(z, alpha.to(float64).unsqueeze(-1))).exp();
        return ((density * w).sum(-1) * 2).log().to(alpha.dtype);
    }

    /// <summary>log Z of a fixed alpha &gt;= 0.</summary>
    public static double LogPartition(double alpha)
    {
        if (alpha is 0 or 2)
            return alpha == 0 ? Math.Log(Math.PI * Math.Sqrt(2)) : Math.Log(2 * Math.PI) / 2;
        using var scope = NewDisposeScope();
        var (nodes, weights) = Quadrature();
        var density = (-Of(tensor(nodes, dtype: float64).square(), alpha)).exp();
        return Math.Log(2 * (density * tensor(weights, dtype: float64)).sum().item<double>());
    }

    // The substitution x = exp(pi/2 sinh t) makes the trapezoidal rule on [0, inf) converge doubly exponentially, heavy tails included.
    private static (double[] Nodes, double[] Weights) Quadrature()
    {
        var (nodes, weights) = (new double[129], new double[129]);
        for (var k = -64; k <= 64; k++)
        {
            var t = k / 16.0;
            nodes[k + 64] = Math.Exp(Math.PI / 2 * Math.Sinh(t));
            weights[k + 64] = nodes[k + 64] * Math.PI / 2 * Math.Cosh(t) / 16;
        }
        return (nodes, weights);
    }
}
