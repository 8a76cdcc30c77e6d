using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs <c>means</c>, <c>logVariances</c> [N, ...] of a diagonal Gaussian; optionally <c>priorMeans</c>, <c>priorLogVariances</c> of the same shape (default 0, 0). With
/// r = lv - lv0: KL = (expm1(r) - r + (m - m0)^2 exp(-lv0)) / 2 an element; the term of a sample is Beta times the sum over its elements, in nats.
/// FreeBits &gt; 0: value = Beta sum_j max(FreeBits, mean_n KL_nj), no gradient at the bound; <c>sum</c> and <c>none</c> throw.
/// Kingma and Welling 2014 appendix B, Higgins et al. 2017 (beta), Kingma et al. 2016 (free bits); equals torch.distributions.kl_divergence. Many tutorials take the mean
/// over latents as well: our value / latent count.
/// </summary>
[LossGuide(
    "β Σ ½ (e^lv - 1 - lv + m²)",
    Use = "VAE latents",
    Avoid = "sigma or variance passed for log-variance; pixels reduced by mean beside it (use PerImage)",
    Cost = "one pass over the latents",
    Paper = "Kingma and Welling 2014, Higgins et al. 2017"
)]
public sealed record KullbackLeiblerGaussianLoss : GenerationLoss
{
    /// <summary>beta of the beta-VAE. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Nats that each latent dimension may carry for nothing, over the batch's mean. Default 0: off.</summary>
    [Interval("[0, inf)")]
    public double FreeBits
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["means", "logVariances"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["priorMeans", "priorLogVariances"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (means, logVariances) = (call["means"], call["logVariances"]);
        Shapes.Floating(this, "means", means);
        if (means.dim() == 0)
            throw Shapes.Wrong(this, "means", means, "[N, ...]");
        Shapes.Same(this, "logVariances", logVariances, "means", means);
        foreach (var name in OptionalInputs)
            if (call.Optional(name) is { } prior)
                Shapes.Same(this, name, prior, "means", means);
        var distance = call.Optional("priorMeans") is { } priorMeans ? PixelDistance.L2.Between(means, priorMeans) : means.square();
        var ratio = logVariances;
        if (call.Optional("priorLogVariances") is { } priorLogVariances)
        {
            distance = distance * (-priorLogVariances).exp();
            ratio = logVariances - priorLogVariances;
        }
        // expm1(r) - r: exp(r) - 1 - r would lose all digits of a posterior near its prior.
        var twice = ratio.expm1() - ratio + distance;
        if (FreeBits == 0)
            return new(Beta / 2 * ImageArithmetic.SumOfEach(twice));
        var ofLatents = (twice.shape[0] == 0 ? twice.sum([0]) : twice.mean([0])) / 2;
        var free = ofLatents.le(FreeBits);
        return new(Beta * ofLatents.masked_fill(free, FreeBits).sum().reshape(1))
        {
            ByRow = false,
            HasNone = false,
            HasSum = false,
        };
    }
}
