using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What <see cref="StyleLoss"/> divides its Gram matrices by.</summary>
public enum StyleNormalization
{
    /// <summary>C H W (Johnson; PyTorch's tutorial).</summary>
    ChannelsAndPixels,

    /// <summary>H W.</summary>
    Pixels,

    /// <summary>Nothing (piq).</summary>
    None,
}

/// <summary>
/// Gram matrices G(a) = A A^T / k, A = [C, H W]; an image's term is sum_l LayerWeights_l times the mean over the C x C entries of d(G(a), G(b)). The sizes of a and b
/// may differ, their channels not. Inputs as <see cref="FeatureLoss"/> says; with a network the wanted style comes from the input <c>styles</c> (images) where given,
/// else from <c>targets</c>, so that a sum with <see cref="ContentLoss"/> has both. With k = C H W, Johnson's squared Frobenius norm is C^2 times ours and Gatys' E_l
/// C^2 / 4 times. Mirrored or shuffled pixels: 0. Gatys et al. 2016, Johnson et al. 2016; equals piq's StyleLoss on features divided by sqrt(k).
/// </summary>
[LossGuide(
    "Σ_l w_l mean (A Aᵀ/k - B Bᵀ/k)²",
    Use = "style transfer; texture statistics",
    Avoid = "weights of other conventions (k, squared norms)",
    Cost = "the network's passes and one [C, HW] product a layer",
    Paper = "Gatys et al. 2016, Johnson et al. 2016"
)]
public sealed record StyleLoss : FeatureLoss
{
    /// <summary>d. Default L2.</summary>
    public PixelDistance Distance
    {
        get;
        init => field = Valid(value);
    } = PixelDistance.L2;

    /// <summary>k. Default ChannelsAndPixels.</summary>
    public StyleNormalization Normalization
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => Network is null ? [] : ["styles"];

    /// <inheritdoc/>
    private protected override string TargetInput(LossCall call) => call.Optional("styles") is null ? "targets" : "styles";

    /// <inheritdoc/>
    private protected override void CheckLayer(Tensor predicted, Tensor target, int layer)
    {
        if (predicted.dim() != 4)
            throw Shapes.Wrong(this, $"predictedFeatures{layer}", predicted, "[N, C, H, W]");
        if (target.dim() != 4 || (target.shape[0] != predicted.shape[0] && target.shape[0] != 1) || target.shape[1] != predicted.shape[1])
            throw Shapes.Wrong(
                this,
                $"targetFeatures{layer}",
                target,
                $"[{predicted.shape[0]}, {predicted.shape[1]}, H, W], or one style for all images"
            );
    }

    /// <inheritdoc/>
    private protected override Tensor CompareLayer(Tensor predicted, Tensor target, int layer, LossCall call)
    {
        var (a, b) = (Gram(predicted), Gram(target));
        return ImageArithmetic.MeanOfEach(Distance.Between(a, b.expand(a.shape)));
    }

    // Divided before the product: half precision would overflow in it.
    private Tensor Gram(Tensor features)
    {
        var (channels, pixels) = (features.shape[1], features.shape[2] * features.shape[3]);
        var divisor = Normalization switch
        {
            StyleNormalization.ChannelsAndPixels => channels * pixels,
            StyleNormalization.Pixels => pixels,
            _ => 1,
        };
        var maps = features.reshape(features.shape[0], channels, pixels) / Math.Sqrt(divisor);
        return maps.bmm(maps.transpose(1, 2));
    }
}
