using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The term of an image is 10 log10(max(MSE / DataRange^2, Epsilon)): minus its PSNR in dB, negative for good images. A perfect image: 10 log10(Epsilon),
/// gradient 0. Follows kornia's psnr_loss image by image, MONAI and skimage (kornia and torchmetrics take one MSE over the whole batch).
/// </summary>
[LossGuide(
    "10 log10(max(MSE / L², ε))",
    Use = "restoration judged by PSNR: every image counts by its own MSE",
    Avoid = "expecting more than L2 gives: images that are already good get larger gradients, that is all",
    Cost = "one pass",
    Paper = "Huynh-Thu and Ghanbari 2008"
)]
public sealed record PeakSignalToNoiseRatioLoss : ImageLoss
{
    /// <summary>Maximum less minimum of the image's scale. Default 1.</summary>
    [Interval("(0, inf)")]
    public double DataRange
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Caps the PSNR at -10 log10(Epsilon) dB; beyond it the gradient is 0. Default 1e-10 (100 dB).</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-10;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var error = ImageArithmetic.MeanOfEach(PixelDistance.L2.Between(predictions, targets)) / (DataRange * DataRange);
        return new(10 * error.clamp(min: Epsilon).log10());
    }
}
