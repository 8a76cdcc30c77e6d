using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = 1 - (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)) in each cell, the class against the rest, each of the four sums + s. Range 0 to 2; 1 is chance,
/// a confident and wrong cell 2, an empty mask predicted empty 0.5 (all of s). Sums run over the batch unless PerImage. Shapes and weights:
/// <see cref="RegionLoss"/>. Abhishek and Hamarneh 2021; follows segmentation_models.pytorch's <c>MCCLoss</c>, which takes probabilities of one class.
/// </summary>
[LossGuide(
    "1 - (TP TN - FP FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN))",
    Use = "binary masks where background must count as much as the object",
    Avoid = "batches with empty masks: they stay at 0.5",
    Cost = "as Dice",
    Paper = "Abhishek and Hamarneh 2021"
)]
public sealed record MatthewsCorrelationLoss : RegionOverlapLoss
{
    /// <summary>Makes the loss; PerImage is false by default.</summary>
    public MatthewsCorrelationLoss() => PerImage = false;

    /// <summary>s, in pixels, added to each of the four sums. Default 1e-5.</summary>
    [Interval("(0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    /// <inheritdoc/>
    protected override Tensor Cell(RegionSums sums)
    {
        var (tp, tn) = (sums.TruePositives + Smooth, sums.TrueNegatives + Smooth);
        // A difference of sums: where there are none, it is rounding of either sign.
        var (fp, fn) = (sums.FalsePositives.clamp(min: 0) + Smooth, sums.FalseNegatives.clamp(min: 0) + Smooth);
        // Roots before products: the product of four counts overflows.
        var (a, b, c, d) = ((tp + fp).sqrt(), (tp + fn).sqrt(), (tn + fp).sqrt(), (tn + fn).sqrt());
        return 1 - (tp / a / b * (tn / c / d) - fp / a / c * (fn / b / d));
    }
}
