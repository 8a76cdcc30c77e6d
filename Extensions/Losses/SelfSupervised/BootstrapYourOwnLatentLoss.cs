using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// BYOL: l_i = |a^_i - tB^_i|^2 + |b^_i - tA^_i|^2 = 4 - 2 cos(a, tB) - 2 cos(b, tA), in [0, 8]. <c>viewA</c>, <c>viewB</c> are the online network's
/// predictions, <c>targetA</c>, <c>targetB</c> [N, D] the target network's projections of the same views, detached here. The trainer moves the target
/// network by a moving average. Grill et al. 2020 eq 2, symmetric sum; lightly's examples take the mean of the two negative cosines (ours = 4 + 4 theirs).
/// </summary>
[LossGuide(
    "|a^ - tB^|² + |b^ - tA^|²",
    Use = "small batches: no negatives; with a predictor and a moving-average target network",
    Avoid = "crossing the views (a goes with targetB); no BatchNorm or predictor: collapse",
    Cost = "one pass over [N, D]",
    Paper = "Grill et al. 2020"
)]
public sealed record BootstrapYourOwnLatentLoss : TwoViewLoss
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["viewA", "viewB", "targetA", "targetB"];

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var (targetA, targetB) = Views.Targets(this, call);
        // Differences, not 4 - 2 cos - 2 cos: exact where the prediction is.
        return new(Squares(viewA, targetB) + Squares(viewB, targetA));
    }

    private static Tensor Squares(Tensor view, Tensor target) => PixelDistance.L2.Between(Views.Unit(view), target).sum(1);
}
