namespace MLNetLosses.Losses;

/// <summary>
/// 1 - IoU + (area C - U) / (area C + e), in [0, 2): the empty part of the enclosing box pulls disjoint boxes together. Equals the IoU loss when one box
/// contains the other. Two equal points: 1. Rezatofighi et al. 2019; follows torchvision's <c>generalized_box_iou_loss</c>.
/// </summary>
[LossGuide(
    "1 - I/U + (C - U)/C",
    Use = "the first choice for decoded boxes",
    Avoid = "boxes inside each other: no more signal than IoU",
    Cost = "one pass over the pairs",
    Paper = "Rezatofighi et al. 2019"
)]
public sealed record GeneralizedIoULoss : OverlapLoss
{
    internal override OverlapFormula Formula() => new(Epsilon, BoxPenalties.Hull);
}
