using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = ln cosh(d), d the Dice loss of the cell (<see cref="DiceLoss"/>): smooth near 0, at most ln cosh 1 = 0.434; its gradient vanishes as the loss nears 0.
/// Jadon 2020, who applies it to the mean Dice loss; here it is applied cell by cell.
/// </summary>
[LossGuide(
    "ln cosh(Dice loss)",
    Use = "Dice whose gradient shrinks as the overlap becomes good",
    Avoid = "the last points of overlap matter: the gradient vanishes there",
    Cost = "as Dice",
    Paper = "Jadon 2020"
)]
public sealed record LogCoshDiceLoss : DiceFamilyLoss
{
    /// <inheritdoc/>
    protected override Tensor Cell(RegionSums sums)
    {
        var dice = Dice(sums);
        return dice + nn.functional.softplus(dice * -2) - Math.Log(2);
    }
}
