using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The network states its own noise: inputs <c>logits</c> f [N, C], <c>logVariances</c> s [N, C] or [N, 1], class indices, and optionally
/// <c>noise</c> e [S, N, C] of standard normal numbers, which sets S (drawn anew at each call when absent, from the seed of the loss's
/// state). z_s = f + exp(s / 2) e_s; l = log S - logsumexp_s(log_softmax(z_s)_y): the negative logarithm of the mean probability (a mean of
/// logarithms would only be a noisy cross-entropy). s = -200 is cross-entropy; s above 160 counts as 160, where exp overflows single
/// precision. No gradient flows to the noise. Kendall and Gal 2017, equation 12.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "-log mean_s p_y(f + e^{s/2} ε_s)",
    Use = "classification that also states its data noise",
    Avoid = "one noise for all classes",
    Cost = "cross-entropy and three passes a sample",
    Paper = "Kendall and Gal 2017"
)]
public sealed record HeteroscedasticClassificationLoss : IndexedClassificationLoss
{
    private const double LargestLogVariance = 160;

    /// <summary>S: how many noisy logits are drawn where no noise is given. Default 10.</summary>
    [Interval("[1, inf)")]
    public int Samples
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["logits", "logVariances", "targets"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["noise"];

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    /// <inheritdoc/>
    protected internal override LossState? CreateState(LossContext context) => new(context); // for its generator

    internal override bool IsByPixel(LossCall call) => call.Optional("noise") is not null;

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        if (IsByPixel(call) || !PixelSums.Serve(this, call))
            return base.ComputeRowSums(call);
        // A seed a part, so that its numbers can be drawn again.
        var seed = randint(0, long.MaxValue >> 1, [1], dtype: ScalarType.Int64, generator: call.State.Generator).item<long>();
        return PixelSums.Of(this, call, (part, number) => ComputeTerms(WithNoise(part, seed + number)));
    }

    private LossCall WithNoise(LossCall part, long seed)
    {
        var logits = part["logits"];
        using var generator = new Generator((ulong)seed, CPU);
        var noise = randn([Samples, .. logits.shape], dtype: logits.dtype, device: CPU, generator: generator);
        return part.Part(part.Inputs.With(("noise", noise)));
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var deviation = Deviation(logits, call["logVariances"]);
        var noise = call.Optional("noise")?.detach();
        if (
            noise is not null
            && (noise.dim() != logits.dim() + 1 || !noise.shape.AsSpan(1).SequenceEqual(logits.shape) || noise.shape[0] == 0)
        )
            throw Shapes.Wrong(this, "noise", noise, $"[S, {string.Join(", ", logits.shape)}], the shape of the logits for each sample");
        var costs = new List<Tensor>();
        for (var sample = 0; sample < (noise?.shape[0] ?? Samples); sample++)
        {
            var drawn = noise is null ? Draw(logits, call) : noise[sample];
            costs.Add(ClassScores.Cost(this, logits + deviation * drawn, targets));
        }
        return ByRow(Math.Log(costs.Count) - (-stack(costs)).logsumexp(0), targets);
    }

    private Tensor Deviation(Tensor logits, Tensor logVariances)
    {
        var shape = logVariances.shape;
        var fits = shape.Length == logits.dim();
        for (var axis = 0; fits && axis < shape.Length; axis++)
            fits = shape[axis] == logits.shape[axis] || (axis == 1 && shape[axis] == 1);
        if (!fits || !logVariances.is_floating_point())
            throw Shapes.Wrong(this, "logVariances", logVariances, $"[{string.Join(", ", logits.shape)}], or 1 in place of the classes");
        return (logVariances.clamp_max(LargestLogVariance) / 2).exp();
    }

    private static Tensor Draw(Tensor logits, LossCall call) =>
        randn(logits.shape, dtype: logits.dtype, device: CPU, generator: call.State.Generator).to(logits.device);
}
