using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// F = orthonormal 2-D DFT of p - t (full spectrum, each patch and channel). m = |F|^Alpha (log(1 + m) with LogMatrix), w = m / max m over the patch's spectrum
/// (over everything with BatchMatrix), constant. The term of an image is the mean of w |F|^2 over patches, C, H, W; p = t: 0, gradient 0.
/// Jiang et al. 2021, the authors' package (its <c>loss_weight</c>: multiply outside).
/// </summary>
[LossGuide(
    "mean w |DFT(p - t)|², w = |F|^α / max |F|^α",
    Use = "frequencies that a generator finds hard, beside a pixel loss",
    Avoid = "alone; letting a gradient flow through w",
    Cost = "one real FFT of p - t",
    Paper = "Jiang et al. 2021"
)]
public sealed record FocalFrequencyLoss : ImageLoss
{
    /// <summary>How strongly hard frequencies are preferred. Default 1; 0: all alike.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The image is cut into PatchFactor x PatchFactor patches; it must divide H and W. Default 1.</summary>
    [Interval("[1, inf)")]
    public int PatchFactor
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>F is averaged over the batch first: one term, <c>none</c> throws. Default false.</summary>
    public bool AverageSpectrum { get; init; }

    /// <summary>Weights grow with log(1 + m). Default false.</summary>
    public bool LogMatrix { get; init; }

    /// <summary>Weights are divided by the maximum of the whole batch. Default false: by that of each patch and channel.</summary>
    public bool BatchMatrix { get; init; }

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false; // the weights depend on the images and are held constant

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        ImageArithmetic.Check(this, "predictions", predictions);
        var difference = Patches(predictions - targets);
        if (AverageSpectrum)
            difference = difference.mean([0], keepdim: true); // the transform is linear
        var width = difference.shape[^1];
        var power = view_as_real(fft.rfft2(difference, norm: FFTNormType.Ortho)).square().sum(-1);
        var weighted = Weights(power.detach()) * power;
        // The real transform leaves out the mirrored half: all columns but the first, and the last of an even width, count twice.
        var total = 2 * weighted.sum(-1) - weighted.select(-1, 0);
        if (width % 2 == 0)
            total = total - weighted.select(-1, width / 2);
        var terms = ImageArithmetic.MeanOfEach(total) / width;
        return AverageSpectrum ? new(terms) { ByRow = false, HasNone = false } : new(terms);
    }

    private Tensor Weights(Tensor power)
    {
        using var frozen = no_grad();
        var weights =
            Alpha == 2 ? power
            : Alpha == 1 ? power.sqrt()
            : power.pow(Alpha / 2);
        if (LogMatrix)
            weights = weights.log1p();
        var largest = BatchMatrix && weights.numel() > 0 ? weights.max() : weights.amax([-2, -1], keepdim: true);
        return weights / largest.masked_fill(largest.le(0), 1);
    }

    // [N, C, H, W] to [N, C, PatchFactor^2, h, w]
    private Tensor Patches(Tensor image)
    {
        var (h, w) = (image.shape[2] / PatchFactor, image.shape[3] / PatchFactor);
        if (h * PatchFactor != image.shape[2] || w * PatchFactor != image.shape[3])
            throw Shapes.Wrong(this, "predictions", image, $"[N, C, H, W] with H and W divisible by the PatchFactor {PatchFactor}");
        return PatchFactor == 1
            ? image.unsqueeze(2)
            : image
                .reshape(image.shape[0], image.shape[1], PatchFactor, h, PatchFactor, w)
                .transpose(3, 4)
                .reshape(image.shape[0], image.shape[1], PatchFactor * PatchFactor, h, w);
    }
}
