using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// 1 - MS-SSIM. Scale s = 1..M: means over positions, an image and channel, of cs = (2 vxy + C2) / (vx + vy + C2) (s &lt; M) and of SSIM (s = M); between
/// scales 2 x 2 averages, an odd last row or column dropped. MS = prod_s max(factor_s, 0)^w_s; the term of an image is 1 - the mean over channels of MS.
/// Only whole windows count: the smallest scale must hold one (161 pixels a side by default), else it throws. A factor &lt;= 0 makes MS 0 for that image and
/// channel, with gradient 0: start from a pixel loss. Wang et al. 2003 eq 7; follows piq's formula on even sides with weights as given (piq, pytorch-msssim and
/// torchmetrics differ on odd sides and negative factors; kornia's MS_SSIMLoss is another loss).
/// </summary>
[LossGuide(
    "1 - Π_s max(cs_s, 0)^w_s · max(SSIM_M, 0)^w_M",
    Use = "restoration at several viewing distances, after a start with a pixel loss",
    Avoid = "patches under 161 pixels with the defaults; random initialisation",
    Cost = "4/3 of StructuralSimilarity",
    Paper = "Wang et al. 2003"
)]
[DefinitionExample("MultiScaleStructuralSimilarity(windowSize: 3, scaleWeights: [0.4, 0.6])")]
public sealed record MultiScaleStructuralSimilarityLoss : StructuralLoss
{
    /// <summary>w, one a scale, used as given. Default [0.0448, 0.2856, 0.3001, 0.2363, 0.1333].</summary>
    [Interval("[0, inf)")]
    public ValueList<double> ScaleWeights
    {
        get;
        init =>
            field = Valid(value) is { Count: > 0 }
                ? value
                : throw new ArgumentOutOfRangeException(nameof(ScaleWeights), value, $"{Name}: ScaleWeights needs at least one scale.");
    } = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        ImageArithmetic.Check(this, "predictions", predictions);
        var scales = ScaleWeights.Count;
        var smallest = Math.Min(predictions.shape[2], predictions.shape[3]) >> (scales - 1);
        if (smallest < WindowSize)
            throw Shapes.Wrong(
                this,
                "predictions",
                predictions,
                $"images whose sides, halved {scales - 1} times, still hold the window of {WindowSize} pixels ({WindowSize << (scales - 1)} are enough); use fewer ScaleWeights or a smaller WindowSize"
            );
        var (x, y) = (Centred.From(predictions), Centred.From(targets));
        Tensor? similarity = null;
        for (var s = 0; s < scales; s++)
        {
            var (luminance, structure) = Factors(x, y, call);
            var factor = (s < scales - 1 ? structure : luminance() * structure).mean([2, 3]);
            if (ScaleWeights[s] != 0)
            {
                var power = PositivePower(factor, ScaleWeights[s]);
                similarity = similarity is null ? power : similarity * power;
            }
            if (s < scales - 1)
                (x, y) = (Halved(x), Halved(y));
        }
        similarity ??= ones([1, predictions.shape[0] * predictions.shape[1]], predictions.dtype, predictions.device);
        return new(1 - similarity.reshape(predictions.shape[0], -1).mean([1]));
    }

    private static Centred Halved(Centred image) => image with { Image = nn.functional.avg_pool2d(image.Image, 2) };

    // Masked before the power: 0^0.0448 has an infinite slope, a negative number none at all.
    private static Tensor PositivePower(Tensor factor, double weight)
    {
        var dead = factor.le(0);
        return factor.masked_fill(dead, 1).pow(weight).masked_fill(dead, 0);
    }
}
