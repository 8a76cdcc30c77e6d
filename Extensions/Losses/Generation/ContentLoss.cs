using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What <see cref="ContentLoss"/> divides by.</summary>
public enum ContentNormalization
{
    /// <summary>The mean over C, H, W (Johnson).</summary>
    Mean,

    /// <summary>Half the sum (Gatys 2016 eq 1): C H W / 2 times the mean.</summary>
    HalfSum,
}

/// <summary>
/// An image's term is sum_l LayerWeights_l D_l, D the mean over C, H, W of d(a, b) or half its sum; inputs as <see cref="FeatureLoss"/> says. With L2 and Mean it
/// equals <see cref="PerceptualLoss"/> with L2; kept because style transfer names it so. Gatys et al. 2016.
/// </summary>
[LossGuide(
    "Σ_l w_l mean (φ_l(p) - φ_l(t))²",
    Use = "the content side of style transfer",
    Avoid = "weights from code with Gatys' half sums, which are C H W / 2 times smaller for the same effect",
    Cost = "the network's forward and backward pass",
    Paper = "Gatys et al. 2016"
)]
public sealed record ContentLoss : FeatureLoss
{
    /// <summary>d. Default L2.</summary>
    public PixelDistance Distance
    {
        get;
        init => field = Valid(value);
    } = PixelDistance.L2;

    /// <summary>What it is divided by. Default Mean.</summary>
    public ContentNormalization Normalization
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    private protected override Tensor CompareLayer(Tensor predicted, Tensor target, int layer, LossCall call)
    {
        var distances = Distance.Between(predicted, target);
        return Normalization == ContentNormalization.Mean
            ? ImageArithmetic.MeanOfEach(distances)
            : ImageArithmetic.SumOfEach(distances) / 2;
    }

    /// <inheritdoc/>
    private protected override Tensor? MeanOfLayer(Tensor predicted, Tensor target, int layer, LossCall call)
    {
        if (predicted.numel() == 0)
            return null;
        var mean = Distance.MeanBetween(predicted, target);
        return Normalization == ContentNormalization.Mean ? mean : mean * (predicted.numel() / predicted.shape[0] / 2.0);
    }
}
