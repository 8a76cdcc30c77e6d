using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The Lovasz extension of the Jaccard loss: errors e sorted descending, l = sum_i e_(i) (J_i - J_(i-1)), J_i = 1 - |Y minus first i| / |Y union first i|.
/// Softmax: e = |y_c - p_c| for each class c, mean over the classes by ClassWeights. Sigmoid (binary, multi-label channel): hinge e = max(0, 1 - (2y - 1) logit).
/// <c>logits</c> [N, C, ...]; <c>targets</c> indices int64 [N, ...] or labels [N, C, ...] of 0/1. <c>none</c> is a scalar, or [N] with <see cref="PerImage"/>.
/// An empty binary mask costs the hinge of its most wrong pixel; everything ignored: 0. On the CPU only the classes that count are sorted, found on the
/// host; elsewhere all are, without waiting for the device. Berman et al. 2018; follows his functions as segmentation_models.pytorch has them.
/// </summary>
[LossGuide(
    "Σ e₍ᵢ₎ ΔJᵢ, errors sorted",
    Use = "fine-tuning for IoU after cross-entropy",
    Avoid = "as the only loss from scratch",
    Cost = "a sort of all pixels for each class: n log n, or linear on the CPU in float32",
    Paper = "Berman et al. 2018"
)]
public sealed record LovaszLoss : WeightedMaskLoss
{
    /// <summary>True: each image by itself, then the mean over images that have valid pixels. False (default): all pixels of the batch at once.</summary>
    public bool PerImage { get; init; }

    /// <summary>Softmax only. True (default): classes without target pixels are left out; false: such a class costs its largest error.</summary>
    public bool PresentClassesOnly { get; init; } = true;

    /// <summary>False leaves out class 0 of a softmax. Default true.</summary>
    public bool IncludeBackground { get; init; } = true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var classWeights = Weights(targets.ClassCount, logits, call);
        Tensor values,
            weights,
            valid;
        if (PixelScores.HaveBackground(targets))
        {
            var first = IncludeBackground ? 0 : 1;
            var indices = targets.Raw.reshape(logits.shape[0], PixelScores.PixelCount(logits));
            var rows = LovaszSoftmax.Of(logits, indices, new(this, IgnoredTarget, PerImage, PresentClassesOnly, first));
            rows = rows.narrow(2, first, targets.ClassCount - first);
            classWeights = classWeights?.narrow(0, first, targets.ClassCount - first);
            (values, valid) = (rows[0], rows[2]);
            weights = (PresentClassesOnly ? rows[1] : valid).gt(0).to(logits.dtype);
        }
        else
        {
            (values, valid) = Hinge(logits, targets.AsLabels());
            weights = valid.gt(0).to(logits.dtype);
        }
        weights = (classWeights is null ? weights : weights * classWeights).detach();
        var total = weights.sum(1);
        var mean = (values * weights).sum(1) / total.masked_fill(total.eq(0), 1);
        return PerImage ? new(mean, valid.amax(1).gt(0).to(logits.dtype)) : new(mean.squeeze(0)) { ByRow = false };
    }

    private (Tensor Values, Tensor Valid) Hinge(Tensor logits, ClassTargets labels)
    {
        var (images, channels, pixels) = (logits.shape[0], (int)logits.shape[1], PixelScores.PixelCount(logits));
        var planes = labels.Raw.reshape(images * channels, pixels);
        var values = LovaszHinge.Of(logits, planes, new(IgnoredTarget, channels, PerImage));
        var count = labels.MayIgnore
            ? labels.Valid!.reshape(images, channels, pixels).sum(2).to(logits.dtype)
            : full([images, channels], pixels, logits.dtype, logits.device);
        return (values, PerImage ? count : count.sum(0, keepdim: true));
    }
}
