namespace MLNetLosses.Losses;

/// <summary>
/// Distance IoU + (w - w')^2 / (cw^2 + e) + (h - h')^2 / (ch^2 + e), cw and ch the sides of the enclosing box: sizes are compared directly. The focal weight
/// of the same paper is not included. Zhang et al. 2021; mmdetection's <c>EIoULoss</c> is another paper's (Extended IoU).
/// </summary>
[LossGuide(
    "1 - I/U + rho²/c² + (w - w')²/cw² + (h - h')²/ch²",
    Use = "decoded boxes whose sides have to be right one by one",
    Avoid = "long thin targets: cw or ch is small and its term steep",
    Cost = "one pass over the pairs",
    Paper = "Zhang et al. 2021"
)]
public sealed record EfficientIoULoss : OverlapLoss
{
    internal override OverlapFormula Formula() => new(Epsilon, BoxPenalties.Centre | BoxPenalties.Sides);
}
