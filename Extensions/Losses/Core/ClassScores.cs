using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// What the formulas of class scores are made of, without leaving log space and with the fewest passes over [N, C, ...]: most losses are a curve over
/// n = -log p_y, for which one fused kernel serves, and 1 - p_y = -expm1(-n).
/// </summary>
internal static class ClassScores
{
    /// <summary>n = -log p_y, [N, ...], 0 where ignored; torch's fused cross-entropy, for pixels on the CPU our own, which keeps no tensor of the logits' size.</summary>
    public static Tensor Cost(SegmentationLoss loss, Tensor logits, ClassTargets targets)
    {
        AtLeastTwo(loss, logits);
        if (logits.dim() > 2 && logits.device_type == DeviceType.CPU)
        {
            var (images, pixels) = (logits.shape[0], PixelScores.PixelCount(logits));
            return SoftmaxLogLikelihood
                .Of(logits, targets.Raw.reshape(images, pixels), new(loss, targets.IgnoredTarget))
                .neg()
                .reshape(targets.Raw.shape);
        }
        return nn.functional.cross_entropy(logits, targets.Raw, null, targets.IgnoredTarget ?? -100, nn.Reduction.None);
    }

    /// <summary>The same scores, of a leaf as a view: torch takes over the gradient of an own function without a copy only through one.</summary>
    public static Tensor Viewed(Tensor logits) => logits.is_leaf ? logits.view(logits.shape) : logits;

    /// <summary>
    /// Whether a curve over <see cref="Cost"/> is better made of all pixels at once: the kernel keeps nothing of the logits' size, and beside many classes what the
    /// curve makes of a pixel is little.
    /// </summary>
    public static bool IsCurveSmall(LossCall call) =>
        (call["logits"], call["targets"]) is var (logits, targets) && targets.dim() < logits.dim() && logits.shape[1] >= 8;

    /// <summary>log softmax over the classes.</summary>
    public static Tensor LogProbabilities(SegmentationLoss loss, Tensor logits)
    {
        AtLeastTwo(loss, logits);
        return nn.functional.log_softmax(logits, 1);
    }

    /// <summary>1 - p_y of a cost n = -log p_y.</summary>
    public static Tensor Miss(Tensor cost) => -(-cost).expm1();

    /// <summary>Numbers a class, [C], so that they broadcast along axis 1 of a tensor [N, C, ...].</summary>
    public static Tensor AlongClasses(Tensor numbers, Tensor like) =>
        numbers.dim() == 1 && like.dim() > 2 ? numbers.reshape([-1, .. Enumerable.Repeat(1L, (int)like.dim() - 2)]) : numbers;

    /// <summary>Refuses a single logit.</summary>
    public static void AtLeastTwo(SegmentationLoss loss, Tensor logits)
    {
        if (logits.shape[1] < 2)
            throw Shapes.Wrong(
                loss,
                "logits",
                logits,
                "[N, C, ...] with C of at least 2 (one logit is binary: use CrossEntropy, BinaryCrossEntropy, Focal, Poly, Hinge or Asymmetric)"
            );
    }
}
