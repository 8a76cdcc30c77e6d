using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What happens where a window would leave the image.</summary>
public enum WindowPadding
{
    /// <summary>Only whole windows count; the image must hold one.</summary>
    Valid,

    /// <summary>The image is reflected (border pixel not repeated); needs H, W &gt; WindowSize / 2, rounded down.</summary>
    Same,
}

/// <summary>
/// 1 - SSIM: with Gaussian-window moments (weights sum to 1, population variances), C1 = (K1 L)^2, C2 = (K2 L)^2, L = DataRange,
/// SSIM = (2 mx my + C1)(2 vxy + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)) a pixel and channel. The term of an image is 1 - the mean over channels and
/// positions, in [0, 2]; identical images: 0, inverted ones: above 1; constant images: the luminance factor alone.
/// An image smaller than the window throws with Valid. Half precision is computed in single precision. Wang et al. 2004; Valid follows piq and
/// pytorch-msssim, Same follows torchmetrics (kornia's loss is half of it; torchmetrics sizes the window by Sigma; skimage agrees with Gaussian weights and
/// population covariance).
/// </summary>
[LossGuide(
    "1 - (2 mx my + C1)(2 vxy + C2) / ((mx² + my² + C1)(vx + vy + C2))",
    Use = "restoration judged by SSIM, beside a pixel loss",
    Avoid = "a wrong DataRange; alone (colours drift); half of it compared with all of it",
    Cost = "one separable convolution of four maps and about twenty passes",
    Paper = "Wang et al. 2004"
)]
public sealed record StructuralSimilarityLoss : StructuralLoss
{
    /// <summary>What happens at the border. Default Valid.</summary>
    public WindowPadding Padding
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        ImageArithmetic.Check(this, "predictions", predictions);
        var least = Padding == WindowPadding.Valid ? WindowSize : WindowSize / 2 + 1;
        if (Math.Min(predictions.shape[2], predictions.shape[3]) < least)
            throw Shapes.Wrong(
                this,
                "predictions",
                predictions,
                $"images of at least {least} x {least} pixels (WindowSize {WindowSize}, {Padding})"
            );
        var (luminance, structure) = Factors(Prepared(predictions), Prepared(targets), call);
        var similarity = ImageArithmetic.MeanOfEach((luminance() * structure).reshape(predictions.shape[0], -1));
        return new(1 - similarity);
    }

    private Centred Prepared(Tensor image)
    {
        var (centred, margin) = (Centred.From(image), WindowSize / 2);
        return Padding == WindowPadding.Valid || margin == 0
            ? centred
            : centred with
            {
                Image = nn.functional.pad(centred.Image, [margin, margin, margin, margin], PaddingModes.Reflect),
            };
    }
}
