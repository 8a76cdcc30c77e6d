using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l_i = -cos(a_i, b_i), in [-1, 1]; a zero vector has cosine 0. Both views get gradients: stop the one that is the target yourself, or use
/// <see cref="SimSiamLoss"/>. Follows lightly's NegativeCosineSimilarity.
/// </summary>
[LossGuide(
    "-cos(a, b)",
    Use = "one direction of a distillation whose target is detached",
    Avoid = "two views of one network without a stopped gradient: everything collapses to one point",
    Cost = "one pass",
    Paper = "Chen and He 2021"
)]
public sealed record NegativeCosineLoss : TwoViewLoss
{
    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call) =>
        new(-Views.Dot(Views.Unit(viewA), Views.Unit(viewB)));
}
