using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs are the raw outputs <c>gamma</c>, <c>nu</c>, <c>alpha</c>, <c>beta</c> of a head and <c>targets</c> y, all of one shape (4 D
/// channels give them in this order). v = softplus(nu), a = softplus(alpha) + 1, b = softplus(beta), W = 2 b (1 + v), e = y - gamma: l =
/// log(pi / v) / 2 - a log W + (a + 1/2) log(v e^2 + W) + lgamma(a) - lgamma(a + 1/2) + RegularizationWeight |e| (2 v + a). The prediction
/// is gamma, the aleatoric variance b / (a - 1), the epistemic one b / (v (a - 1)): neither is finite at a = 1. The likelihood is a Student
/// t with 2 a degrees of freedom. Finite for any raw outputs, with
/// a gradient that is computed with the value: there is no second derivative. Do not activate the outputs in the head as well. Amini et al. 2020; follows
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
        Tensor[] flat = [.. inputs.Select(input => input.detach().reshape(-1))];
        Tensor?[] slopes = [.. inputs.Zip(flat, (input, x) => KnownGradient.IsWanted(input) ? empty_like(x) : null)];
        var values = empty_like(flat[0]);
        Blocks.Run(
            values,
            values.shape[0],
            itemElements: 1,
            (start, count) =>
            {
                Tensor Part(Tensor elements) => elements.narrow(0, start, count);
                Tensor[] x = [.. flat.Select(Part)];
                Cost(x[0], x[1], x[2], x[3], x[4], Part(values), [.. slopes.Select(slope => slope is null ? null : Part(slope))]);
            }
        );
        var cost = values.view(inputs[0].shape);
        for (var i = 0; i < inputs.Length; i++)
            cost = KnownGradient.Attach(cost, inputs[i], slopes[i]?.view(inputs[i].shape));
        return new(cost);
    }

    /// <summary>The cost of every element and its derivatives, in the order of the inputs, computed without a graph.</summary>
    private void Cost(Tensor gamma, Tensor nu, Tensor alpha, Tensor beta, Tensor targets, Tensor values, Tensor?[] slopes)
    {
        var (v, b) = (Softplus.Of(nu), Softplus.Of(beta));
        var shape = Softplus.Of(alpha).add_(1);
        var (logV, logW) = (Softplus.LogOf(nu, v), Softplus.LogOf(beta, b).add_(v.log1p()).add_(Math.Log(2)));
        var error = targets - gamma;
        var distance = error.abs();
        // log(1 + v e^2 / W), by logarithms since v / W overflows where beta is very negative; nothing at e = 0, whose logarithm is -infinity.
        var odds = (logV - logW).add_(distance.log(), alpha: 2);
        var miss = Softplus.Of(odds);
        var (step, stepSlope) = LogGammaStep(shape);
        var evidence = (v * 2).add_(shape);
        values.copy_((logW - logV).add_(Math.Log(Math.PI)).div_(2).addcmul_(shape + 0.5, miss, 1).sub_(step));
        values.addcmul_(distance, evidence, RegularizationWeight);
        if (slopes.All(slope => slope is null))
            return;
        var pull = (shape + 0.5).mul_(odds.sigmoid());
        var byLogW = 0.5 - pull;
        var byError = evidence.mul_(RegularizationWeight).mul_(error.sign()).add_((pull / error).masked_fill_(error.eq(0), 0), alpha: 2);
        slopes[0]?.copy_(-byError);
        slopes[1]
            ?.copy_(nu.sigmoid().mul_(distance).mul_(2 * RegularizationWeight).addcmul_(byLogW.div(v + 1), Softplus.LogSlope(nu, v), -1));
        slopes[2]?.copy_(alpha.sigmoid().mul_(miss.sub_(stepSlope).add_(distance, alpha: RegularizationWeight)));
        slopes[3]?.copy_(byLogW.mul(Softplus.LogSlope(beta, b)));
        slopes[4]?.copy_(byError);
    }

    // lgamma(a + 1/2) - lgamma(a) and its derivative, for a >= 1: the asymptotic series at a + Shift, and the recurrence from there down to a. The
    // difference of two large numbers would have no digits left, and gamma functions are slow.
    private static (Tensor Value, Tensor Slope) LogGammaStep(Tensor a)
    {
        var z = a + Shift;
        var inverse = z.reciprocal();
        var square = inverse * inverse;
        var (series, derivative) = (full_like(a, Series[^1]), full_like(a, Series[^1] * (1 - 2 * Series.Length)));
        for (var k = Series.Length - 2; k >= 0; k--)
        {
            series.mul_(square).add_(Series[k]);
            derivative.mul_(square).add_(Series[k] * -(2 * k + 1));
        }
        var value = z.log_().div_(2).addcmul_(series, inverse, 1);
        var slope = derivative.mul_(square).add_(inverse, alpha: 0.5);
        var ratio = ones_like(a);
        for (var k = 0; k < Shift; k++)
        {
            var (lower, upper) = ((a + k).reciprocal_(), a + (k + 0.5));
            ratio.mul_(upper).mul_(lower);
            slope.add_(lower).sub_(upper.reciprocal_());
        }
        return (value.sub_(ratio.log_()), slope);
    }
}
