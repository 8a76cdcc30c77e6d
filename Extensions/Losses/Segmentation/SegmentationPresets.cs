namespace MLNetLosses.Losses;

/// <summary>Sums that are in common use, ready made. Each is an ordinary sum: <c>with</c>, text and JSON apply, and its terms are reported by name.</summary>
public static class SegmentationPresets
{
    /// <summary>Cross-entropy + Dice, the usual start for any segmentation (Isensee et al. 2018; MONAI's <c>DiceCELoss</c>).</summary>
    /// <param name="ignoreIndex">The target that counts nowhere, in both terms.</param>
    public static SegmentationLoss DiceCrossEntropy(long ignoreIndex = -100) =>
        (SegmentationLoss)new CrossEntropyLoss { IgnoreIndex = ignoreIndex } + new DiceLoss { IgnoreIndex = ignoreIndex };

    /// <summary>Dice + focal, where easy pixels drown the others (Zhu et al. 2019; MONAI's <c>DiceFocalLoss</c>).</summary>
    /// <param name="gamma">How strongly easy pixels are turned down.</param>
    /// <param name="ignoreIndex">The target that counts nowhere, in both terms.</param>
    /// <exception cref="ArgumentOutOfRangeException">Gamma is negative or not finite.</exception>
    public static SegmentationLoss DiceFocal(double gamma = 2, long ignoreIndex = -100) =>
        new DiceLoss { IgnoreIndex = ignoreIndex } + (SegmentationLoss)new FocalLoss { Gamma = gamma, IgnoreIndex = ignoreIndex };

    /// <summary>Dice / 2 + centre-line Dice / 2 over the batch's foreground, for tubes (Shit et al. 2021; MONAI's <c>SoftDiceclDiceLoss</c>).</summary>
    /// <param name="ignoreIndex">The target that counts nowhere, in both terms.</param>
    public static SegmentationLoss DiceCenterline(long ignoreIndex = -100) =>
        0.5
            * new DiceLoss
            {
                IgnoreIndex = ignoreIndex,
                PerImage = false,
                IncludeBackground = false,
                Smooth = 1,
            }
        + 0.5 * new CenterlineDiceLoss { IgnoreIndex = ignoreIndex };

    /// <summary>Generalized Dice + boundary, whose weight grows from 0.01 while training (Kervadec et al. 2019).</summary>
    /// <param name="epochs">The number of epochs after which the weight reaches <paramref name="weight"/>.</param>
    /// <param name="weight">The weight of the boundary term in the end.</param>
    /// <param name="ignoreIndex">The target that counts nowhere, in both terms.</param>
    /// <exception cref="ArgumentOutOfRangeException">Epochs or weight are negative or not finite.</exception>
    public static SegmentationLoss DiceBoundary(double epochs, double weight = 1, long ignoreIndex = -100) =>
        (SegmentationLoss)new GeneralizedDiceLoss { IgnoreIndex = ignoreIndex }
        + new WeightRamp
        {
            From = Math.Min(0.01, weight),
            To = weight,
            End = epochs,
            Unit = RampUnit.Epoch,
        } * (SegmentationLoss)new BoundaryLoss { IgnoreIndex = ignoreIndex };
}
