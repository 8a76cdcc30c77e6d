using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = 1 - (TP + s) / (P + Y - TP + s) in each cell: one minus the soft intersection over union, in [0, 1]; with Log -ln of the score. Cell by cell it is
/// 2 d / (1 + d) of the Dice loss d (with twice the smooth), so it ranks predictions alike: adding both gains nothing. Shapes, cells and weights:
/// <see cref="RegionLoss"/>. Rahman and Wang 2016; MONAI's <c>DiceLoss(jaccard=True)</c> with smooth 2 s, and segmentation_models.pytorch over the batch.
/// </summary>
[LossGuide(
    "1 - (Σpy + s) / (Σp + Σy - Σpy + s)",
    Use = "the metric is IoU",
    Avoid = "together with Dice: they rank predictions alike",
    Cost = "as Dice",
    Paper = "Rahman and Wang 2016"
)]
public sealed record JaccardLoss : RegionOverlapLoss
{
    /// <summary>s, in pixels. Default 1e-5. With s = 0 a cell in which nothing is expected and nothing predicted has loss 0.</summary>
    [Interval("[0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    /// <summary>True: l = -ln(score), the score not below 1e-7. Default false.</summary>
    public bool Log { get; init; }

    /// <inheritdoc/>
    protected override Tensor Cell(RegionSums sums) => Log ? sums.NegativeLogTversky(1, 1, Smooth) : sums.TverskyLoss(1, 1, Smooth);
}
