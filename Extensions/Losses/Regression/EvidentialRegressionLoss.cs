using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs are the raw outputs <c>gamma</c>, <c>nu</c>, <c>alpha</c>, <c>beta</c> of a head and <c>targets</c> y, all of one shape (4 D
/// channels give them in this order). v = softplus(nu), a = softplus(alpha) + 1, b = softplus(beta), W = 2 b (1 + v), e = y - gamma: l =
/// log(pi / v) / 2 - a log W + (a + 1/2) log(v e^2 + W) + lgamma(a) - lgamma(a + 1/2) + RegularizationWeight |e| (2 v + a). The prediction
/// is gamma, the aleatoric variance b / (a - 1), the epistemic one b / (v (a - 1)): neither is finite at a = 1. The likelihood is a Student
/// t with 2 a degrees of freedom. Finite for any raw outputs. Do not activate the outputs in the head as well. Amini et al. 2020; follows
/// aamini/evidential-deep-learning, whose coefficient defaults to 1 while the paper's experiments use 0.01.
/// </summary>
[LossGuide(
    "Student-t likelihood of a normal-inverse-gamma head + λ|e|(2v + a)",
    Use = "one network that tells data noise from its own ignorance",
    Avoid = "activating the outputs twice; reading the epistemic variance near a = 1",
    Cost = "one pass, a dozen logarithms and exponentials each element",
    Paper = "Amini et al. 2020"
)]
public sealed record EvidentialRegressionLoss : RegressionLoss
{
    // Where the series of LogGammaStep starts: from 9 on its terms leave nothing that double precision would hold.
    private const int Shift = 8;

    private static readonly double[] Series =
    [
        -1.0 / 8,
        1.0 / 192,
        -1.0 / 640,
        17.0 / 14336,
        -31.0 / 18432,
        691.0 / 180224,
        -5461.0 / 425984,
    ];

    /// <summary>Lambda: how strongly evidence is punished where the prediction is wrong. Default 0.01.</summary>
    [Interval("[0, inf)")]
    public double RegularizationWeight
    {
        get;
        init => field = Valid(value);
    } = 0.01;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["gamma", "nu", "alpha", "beta", "targets"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        Tensor[] inputs = [.. RequiredInputs.Select(name => call[name])];
        foreach (var name in RequiredInputs)
        {
            Shapes.Floating(this, name, call[name]);
            Shapes.Same(this, name, call[name], "gamma", inputs[0]);
        }
        return new(ElementFormulas.Terms(new Formula(RegularizationWeight), inputs));
    }

    internal readonly record struct Formula(double RegularizationWeight) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            var (nu, beta) = (inputs[1], inputs[3]);
            var (virtualCount, concentration, scale) = (V.LogisticOf(nu), V.LogisticOf(inputs[2]), V.LogisticOf(beta));
            var (v, a) = (virtualCount.Softplus, concentration.Softplus + 1);
            var (logV, logVSlope) = LogSoftplus(nu, virtualCount);
            var (logB, logBSlope) = LogSoftplus(beta, scale);
            var logW = logB + V.LogOnePlus(v) + Math.Log(2);
            var error = inputs[4] - inputs[0];
            var distance = V.Abs(error);
            // log(1 + v e^2 / W), by logarithms since v / W overflows where beta is very negative; nothing at e = 0, whose logarithm is -infinity.
            var odds = V.LogisticOf(logV - logW + V.Log(distance) * 2);
            var (step, stepSlope) = LogGammaStep(a);
            var evidence = v * 2 + a;
            if (!slopes.IsEmpty)
            {
                var pull = (a + 0.5) * odds.Sigmoid;
                var byLogW = -pull + 0.5;
                var byError = evidence * V.Sign(error) * RegularizationWeight + V.IfPositive(distance, pull / error) * 2;
                slopes[0] = -byError;
                slopes[1] =
                    virtualCount.Sigmoid * distance * (2 * RegularizationWeight)
                    + byLogW * virtualCount.Sigmoid / (v + 1)
                    - byLogW * logVSlope;
                slopes[2] = concentration.Sigmoid * (odds.Softplus - stepSlope + distance * RegularizationWeight);
                slopes[3] = byLogW * logBSlope;
                slopes[4] = byError;
            }
            return (logW - logV + Math.Log(Math.PI)) * 0.5 + (a + 0.5) * odds.Softplus - step + distance * evidence * RegularizationWeight;
        }
    }

    // log softplus(x) and its derivative: below -40 it is x to the last digit, where softplus itself underflows.
    private static (V Value, V Slope) LogSoftplus<V>(V x, Logistic<V> logistic)
        where V : struct, IFormulaNumber<V> =>
        (
            V.Choose(x + 40, V.Log(V.Max(logistic.Softplus, 1e-30)), x),
            V.Choose(x + 40, logistic.Sigmoid / V.Max(logistic.Softplus, 1e-30), V.Of(1))
        );

    // lgamma(a + 1/2) - lgamma(a) and its derivative, for a >= 1: the asymptotic series at a + Shift, and the recurrence from there down to a. The
    // difference of two large numbers would have no digits left, and gamma functions are slow.
    private static (V Value, V Slope) LogGammaStep<V>(V a)
        where V : struct, IFormulaNumber<V>
    {
        var z = a + Shift;
        var inverse = V.Of(1) / z;
        var square = inverse * inverse;
        var (series, derivative) = (V.Of(Series[^1]), V.Of(Series[^1] * (1 - 2 * Series.Length)));
        for (var k = Series.Length - 2; k >= 0; k--)
        {
            series = series * square + Series[k];
            derivative = derivative * square + Series[k] * -(2 * k + 1);
        }
        var slope = derivative * square + inverse * 0.5;
        var ratio = V.Of(1);
        for (var k = 0; k < Shift; k++)
        {
            var half = V.Of(0.5) / (a + k);
            var grown = half + 1; // (a + k + 1/2) / (a + k)
            ratio = ratio * grown;
            slope = slope + half * half * 2 / grown; // 1 / (a + k) - 1 / (a + k + 1/2)
        }
        return (V.Log(z) * 0.5 + series * inverse - V.Log(ratio), slope);
    }
}
