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
    Cost = "about fifty passes over a small head",
    Paper = "Amini et al. 2020"
)]
public sealed record EvidentialRegressionLoss : RegressionLoss
{
    private const double LargeShape = 20;

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
        var (gamma, nu, targets) = (call["gamma"], call["nu"], call["targets"]);
        foreach (var name in RequiredInputs)
        {
            Shapes.Floating(this, name, call[name]);
            Shapes.Same(this, name, call[name], "gamma", gamma);
        }
        var (v, logV) = (Softplus.Of(nu), Softplus.LogOf(nu));
        var shape = Softplus.Of(call["alpha"]) + 1;
        var logW = Softplus.LogOf(call["beta"]) + v.log1p() + Math.Log(2);
        var error = targets - gamma;
        // log(1 + v e^2 / W), by logarithms since v / W overflows where beta is very negative.
        var misses = error.ne(0);
        var logSquare = where(misses, error.abs(), 1).log() * 2;
        var miss = where(misses, Softplus.Of(logV - logW + logSquare), 0);
        var values = (logW - logV + Math.Log(Math.PI)) / 2 + (shape + 0.5) * miss - LogGammaStep(shape);
        return new(RegularizationWeight == 0 ? values : values + error.abs() * (v * 2 + shape) * RegularizationWeight);
    }

    // lgamma(a + 1/2) - lgamma(a): for large a by its asymptotic series, as the difference of two large numbers has no digits left.
    private static Tensor LogGammaStep(Tensor a)
    {
        var small = a.clamp_max(LargeShape);
        var large = a.clamp_min(LargeShape);
        var square = large.square().reciprocal();
        var series = ((((square * (-31.0 / 18432) + 17.0 / 14336) * square - 1.0 / 640) * square + 1.0 / 192) * square - 1.0 / 8) / large;
        return where(a.lt(LargeShape), (small + 0.5).lgamma() - small.lgamma(), large.log() / 2 + series);
    }
}
