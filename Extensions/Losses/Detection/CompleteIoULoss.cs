namespace MLNetLosses.Losses;

/// <summary>
/// Distance IoU + a v: v = 4/pi^2 (atan(w'/h') - atan(w/h))^2, a = v / (1 - IoU + v + e), a held constant for the gradient. v = 0, value and gradient, when
/// a side of either box is 0. v compares ratios, not sizes: 0 for a box scaled alike in both directions. Zheng et al. 2020; follows torchvision's
/// <c>complete_box_iou_loss</c>, which ignores its own eps in the distance part; here <see cref="OverlapLoss.Epsilon"/> serves throughout.
/// </summary>
[LossGuide(
    "1 - I/U + rho²/c² + a v, v = 4/pi² (difference of atan(w/h))²",
    Use = "decoded boxes whose aspect ratio matters",
    Avoid = "expecting v to correct sizes: it compares ratios",
    Cost = "one pass over the pairs, an arctangent",
    Paper = "Zheng et al. 2020"
)]
public sealed record CompleteIoULoss : OverlapLoss
{
    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false;

    internal override OverlapFormula Formula() => new(Epsilon, BoxPenalties.Centre | BoxPenalties.Aspect);
}
