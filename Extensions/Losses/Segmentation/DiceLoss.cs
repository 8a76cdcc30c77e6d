using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A region loss made of the Dice score.</summary>
public abstract record DiceFamilyLoss : RegionOverlapLoss
{
    private protected DiceFamilyLoss() { }

    /// <summary>
    /// s, in pixels, in numerator and denominator. Default 1e-5. With s = 0 a cell with P + Y &lt; 1e-7 has loss 0. Where empty masks are common use 1, or
    /// <see cref="RegionLoss.PresentClassesOnly"/>: the gradient of a falsely predicted absent class is s / (P + s)^2.
    /// </summary>
    [Interval("[0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    /// <summary>True: P = sum p^2 and Y = sum y^2, the form of V-Net. Default false.</summary>
    public bool Squared { get; init; }

    /// <inheritdoc/>
    protected sealed override bool SumsSquares => Squared;

    private protected Tensor Dice(RegionSums sums) => sums.TverskyLoss(0.5, 0.5, Smooth / 2);
}

/// <summary>
/// l = 1 - (2 TP + s) / (P + Y + s) in each cell, TP = sum p y, P = sum p, Y = sum y; with Log l = -ln((2 TP + s) / (P + Y + s)). Range [0, 1].
/// An absent class of which nothing is predicted: 0; of which some is: about 1. Shapes, cells and weights: <see cref="RegionLoss"/>.
/// Milletari et al. 2016 (V-Net); follows MONAI's <c>DiceLoss</c> cell by cell. segmentation_models.pytorch halves s, sums over the batch
/// and counts absent classes as 0; kornia pools the classes (<see cref="RegionLoss.PoolClasses"/>).
/// </summary>
[LossGuide(
    "1 - (2 Σpy + s) / (Σp + Σy + s)",
    Use = "segmentation with unequal classes, mostly together with CrossEntropy",
    Avoid = "alone on small batches of tiny objects: noisy; values of other Smooth or PerImage settings do not compare",
    Cost = "one pass over the logits, one for the gradient",
    Paper = "Milletari et al. 2016"
)]
public sealed record DiceLoss : DiceFamilyLoss
{
    /// <summary>True: l = -ln(score), the score not below 1e-7. Default false.</summary>
    public bool Log { get; init; }

    /// <inheritdoc/>
    protected override Tensor Cell(RegionSums sums) => Log ? sums.NegativeLogTversky(0.5, 0.5, Smooth / 2) : Dice(sums);
}
