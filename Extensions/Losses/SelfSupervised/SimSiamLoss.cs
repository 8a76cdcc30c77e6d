using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l_i = -1/2 cos(a, tB) - 1/2 cos(b, tA), in [-1, 1]. <c>viewA</c>, <c>viewB</c> are predictions, <c>targetA</c>, <c>targetB</c> [N, D] the projections
/// of the same views by the same network, detached here (without that it collapses). Chen and He 2021; follows lightly's SymNegCosineSimilarityLoss.
/// </summary>
[LossGuide(
    "-½ cos(a, tB) - ½ cos(b, tA)",
    Use = "no negatives and no second network: predictor and stopped gradient",
    Avoid = "crossing the views (a goes with targetB); reading the value as quality (it is -1 when collapsed)",
    Cost = "one pass over [N, D]",
    Paper = "Chen and He 2021"
)]
public sealed record SimSiamLoss : TwoViewLoss
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["viewA", "viewB", "targetA", "targetB"];

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var (targetA, targetB) = Views.Targets(this, call);
        return new((Views.Dot(Views.Unit(viewA), targetB) + Views.Dot(Views.Unit(viewB), targetA)) * -0.5);
    }
}
