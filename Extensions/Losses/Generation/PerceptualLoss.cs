using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// An image's term is sum_l LayerWeights_l D_l over feature maps a, b (see <see cref="FeatureLoss"/> for the inputs). Plain: D = mean over C, H, W of |a - b| or
/// (a - b)^2. NormalizeChannels: a^ = a / (|a| over channels + 1e-10), D = mean over H, W of sum_c v_c d(a^_c, b^_c); a channel vector of length
/// &lt;= 1e-10 becomes 0 and passes no gradient (lpips and piq: NaN). State <c>linearWeights0</c>.. [C_l] (v): fixed weights of LPIPS, never trained, where the network brings
/// them or <see cref="LossContext.FeatureChannels"/> asks for them (1 at first); with them plain D sums over c as well. With Distance L2 and NormalizeChannels
/// it is LPIPS. Johnson et al. 2016 eq 2, Zhang et al. 2018 eq 1. piq's ContentLoss sums over channels (C times ours); MONAI takes the last layer.
/// </summary>
[LossGuide(
    "Σ_l w_l mean d(φ_l(p), φ_l(t))",
    Use = "sharp, natural textures beside a pixel loss",
    Avoid = "images not normalised as the network was trained; alone from random initialisation",
    Cost = "the network's forward and backward pass; a forward pass of the targets",
    Paper = "Johnson et al. 2016, Zhang et al. 2018"
)]
public sealed record PerceptualLoss : FeatureLoss
{
    private const double Shortest = 1e-10;

    /// <summary>d. Default L1 (pix2pixHD, ESRGAN); L2 (Johnson, LPIPS).</summary>
    public PixelDistance Distance
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Whether channel vectors are brought to length 1 first. Default false.</summary>
    public bool NormalizeChannels { get; init; }

    /// <inheritdoc/>
    protected internal override LossState? CreateState(LossContext context)
    {
        using var scope = NewDisposeScope();
        var weights = Network is null
            ? context.FeatureChannels?.Select(channels => ones(channels)).ToArray()
            : context.Networks!.Get(Network, this).LinearWeights;
        if (weights is null)
            return null;
        var state = new LossState(context);
        for (var l = 0; l < weights.Count; l++)
            state.AddBuffer($"linearWeights{l}", weights[l].reshape(-1));
        return state;
    }

    /// <inheritdoc/>
    private protected override Tensor CompareLayer(Tensor predicted, Tensor target, int layer, LossCall call)
    {
        if (predicted.dim() != 4)
            throw Shapes.Wrong(this, $"predictedFeatures{layer}", predicted, "[N, C, H, W]");
        var distances = NormalizeChannels
            ? Distance.Between(Normalized(predicted), Normalized(target))
            : Distance.Between(predicted, target);
        if (call.FoundState is null)
            return NormalizeChannels
                ? ImageArithmetic.SumOfEach(distances) / Math.Max(1, predicted.shape[2] * predicted.shape[3])
                : ImageArithmetic.MeanOfEach(distances);
        var weights = call.State[$"linearWeights{layer}"];
        if (weights.shape[0] != predicted.shape[1])
            throw Shapes.Wrong(
                this,
                $"predictedFeatures{layer}",
                predicted,
                $"[N, {weights.shape[0]}, H, W], as linearWeights{layer} has numbers"
            );
        return distances.mean([2, 3]).mv(weights);
    }

    /// <inheritdoc/>
    private protected override Tensor? MeanOfLayer(Tensor predicted, Tensor target, int layer, LossCall call) =>
        !NormalizeChannels && call.FoundState is null && predicted.dim() == 4 && predicted.numel() > 0
            ? Distance.MeanBetween(predicted, target)
            : null;

    private static Tensor Normalized(Tensor features)
    {
        // Of the whole tensor only squares and one product: a norm across channels and a division are slow, forth and back.
        var length = ImageArithmetic.Root((features * features).sum([1], keepdim: true));
        return features * (length + Shortest).masked_fill(length.le(Shortest), double.PositiveInfinity).reciprocal();
    }
}
