namespace MLNetLosses.Losses;

/// <summary>
/// 1 - IoU; with <see cref="Log"/>: -ln max(IoU, e). In [0, 1]; a disjoint pair costs 1 (Log: -ln e = 16.1) and has no gradient, so begin with
/// <see cref="GeneralizedIoULoss"/> or <see cref="DistanceIoULoss"/> where predictions may miss their targets. Identical boxes of area A cost e / A.
/// Yu et al. 2016 (UnitBox). The overlap is torchvision's; mmdetection's loss of this name is the logarithm with e = 1e-6.
/// </summary>
[LossGuide(
    "1 - I/U, or -ln(I/U)",
    Use = "refining boxes that already overlap their targets",
    Avoid = "boxes that may not overlap: no gradient there",
    Cost = "one pass over the pairs",
    Paper = "Yu et al. 2016"
)]
public sealed record IoULoss : OverlapLoss
{
    /// <summary>The negative logarithm of the IoU instead of its complement: steeper at low overlap. Default false.</summary>
    public bool Log { get; init; }

    internal override OverlapFormula Formula() => new(Epsilon, Log: Log);
}
