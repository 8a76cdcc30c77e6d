using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>SuperLoss's arithmetic: the confidence that minimises a sample's cost, by Lambert's function.</summary>
internal static class SuperConfidence
{
    private const int Steps = 6;

    /// <summary>(l - tau) sigma + lambda (log sigma)^2 with the best sigma; the slope is sigma, by the envelope theorem.</summary>
    public static Tensor Terms(Tensor losses, double tau, double lambda) => ElementFormulas.Terms(new Formula(tau, lambda), losses);

    /// <summary>W(max(-1/e, y)), the branch above -1.</summary>
    public static V Lambert<V>(V y)
        where V : struct, IFormulaNumber<V>
    {
        // At the branch point the iteration divides 0 by 0, and rounding below it is NaN: decided first.
        var isInside = y + 1 / Math.E;
        y = V.Choose(isInside, y, default);
        var below = V.Sqrt(V.Max((y * Math.E + 1) * 2, 0)) + -1;
        var w = V.Choose(-y, below, V.LogOnePlus(V.Max(y, 0)));
        for (var i = 0; i < Steps; i++)
        {
            var power = V.Exp(w);
            var off = w * power - y;
            var rise = V.Max(w + 1, 1e-12);
            w -= off / (power * rise - (w + 2) * off / (rise * 2));
        }
        return V.Choose(isInside, w, V.Of(-1));
    }

    internal readonly record struct Formula(double Tau, double Lambda) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            var excess = inputs[0] + -Tau;
            var w = Lambert(excess * (1 / (2 * Lambda))); // -log sigma
            var sigma = V.Exp(-w);
            if (!slopes.IsEmpty)
                slopes[0] = sigma;
            return excess * sigma + w * w * Lambda;
        }
    }
}
