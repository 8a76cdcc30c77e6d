using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = (1 - Tversky score)^Gamma in each cell, then reduced; the score as in <see cref="TverskyLoss"/>. A perfect cell has value 0 and gradient 0, also for
/// Gamma below 1. Abraham and Khan 2019, who write 1/gamma with gamma = 4/3; segmentation_models.pytorch raises the mean instead of each cell.
/// </summary>
[LossGuide(
    "(1 - Tversky score)^γ",
    Use = "small lesions: γ < 1 keeps pulling at nearly right cells, γ > 1 at the wrong ones",
    Avoid = "γ far below 1 without gradient clipping: the slope grows without bound near 0",
    Cost = "as Dice",
    Paper = "Abraham and Khan 2019"
)]
public sealed record FocalTverskyLoss : TverskyFamilyLoss
{
    /// <summary>The power. Default 0.75.</summary>
    [Interval("(0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 0.75;

    /// <inheritdoc/>
    protected override Tensor Cell(RegionSums sums) => RegionSums.Power(sums.TverskyLoss(Alpha, Beta, Smooth), Gamma);
}
