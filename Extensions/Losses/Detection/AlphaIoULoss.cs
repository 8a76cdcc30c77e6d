namespace MLNetLosses.Losses;

/// <summary>The overlap loss whose parts <see cref="AlphaIoULoss"/> raises to a power.</summary>
public enum AlphaIoUVariant
{
    /// <summary>1 - IoU^Alpha.</summary>
    IoU,

    /// <summary>The empty part of the enclosing box too.</summary>
    GeneralizedIoU,

    /// <summary>The distance of the centres too.</summary>
    DistanceIoU,

    /// <summary>The distance of the centres and the aspect ratio too.</summary>
    CompleteIoU,
}

/// <summary>
/// 1 - IoU^Alpha, and for the <see cref="Variant"/> its penalties, each ^Alpha: GeneralizedIoU ((area C - U) / (area C + e))^Alpha, DistanceIoU
/// (rho^2 / (c^2 + e))^Alpha, CompleteIoU that and (a v)^Alpha with a held constant. Alpha 1 is the plain loss. Alpha below 1 has infinite slope at 0, which
/// counts as 0. He et al. 2021; the authors' code adds 1e-9 inside the powers and its calls pass 3.
/// </summary>
[LossGuide(
    "1 - (I/U)^a + penalty^a",
    Use = "high overlap has to be reached exactly (AP75 and above); noisy boxes",
    Avoid = "boxes that overlap little: Alpha 3 flattens the gradient there",
    Cost = "one pass over the pairs, a power each part",
    Paper = "He et al. 2021"
)]
public sealed record AlphaIoULoss : OverlapLoss
{
    /// <summary>The power: above 1 stresses pairs of high IoU. Default 3.</summary>
    [Interval("(0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 3;

    /// <summary>Which penalties are added. Default IoU: none.</summary>
    public AlphaIoUVariant Variant
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => Variant != AlphaIoUVariant.CompleteIoU;

    internal override OverlapFormula Formula() =>
        new(
            Epsilon,
            Variant switch
            {
                AlphaIoUVariant.GeneralizedIoU => BoxPenalties.Hull,
                AlphaIoUVariant.DistanceIoU => BoxPenalties.Centre,
                AlphaIoUVariant.CompleteIoU => BoxPenalties.Centre | BoxPenalties.Aspect,
                _ => BoxPenalties.None,
            },
            Alpha
        );
}
