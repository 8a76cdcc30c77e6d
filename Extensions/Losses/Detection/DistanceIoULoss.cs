namespace MLNetLosses.Losses;

/// <summary>
/// 1 - IoU + rho^2 / (c^2 + e), in [0, 2): rho the distance of the centres, c the diagonal of the enclosing box. Converges faster than the generalized IoU
/// loss, also for boxes inside each other; blind to the aspect ratio. Zheng et al. 2020; follows torchvision's <c>distance_box_iou_loss</c>.
/// </summary>
[LossGuide(
    "1 - I/U + rho²/c²",
    Use = "boxes that start far from their targets",
    Avoid = "when the aspect ratio matters (CompleteIoU, EfficientIoU)",
    Cost = "one pass over the pairs",
    Paper = "Zheng et al. 2020"
)]
public sealed record DistanceIoULoss : OverlapLoss
{
    internal override OverlapFormula Formula() => new(Epsilon, BoxPenalties.Centre);
}
