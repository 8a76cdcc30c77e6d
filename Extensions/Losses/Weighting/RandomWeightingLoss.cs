using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// w = softmax(draws), draws standard normal, new every step, constant; value = sum w_i L_i. Input <c>draws</c> [T] where the caller wants to decide, else from the
/// state's generator (saved and resumed). The weights sum to 1; in evaluation they are 1 / T each. Lin et al. 2022 (RLW); follows LibMTL.
/// </summary>
[LossGuide(
    "w = softmax(N(0, 1)) anew each step",
    Use = "a baseline that any cleverer weighting has to beat",
    Avoid = "comparing its value with a plain sum: the weights sum to 1",
    Cost = "nothing",
    Paper = "Lin et al. 2022"
)]
public sealed record RandomWeightingLoss : LossWeighting
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["draws"];

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false; // other weights at every evaluation

    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) => new(context);

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call)
    {
        var draws =
            Fact("draws", losses, call)
            ?? (call.Training ? Needed(call).Normal(losses.shape[0]).to(losses.dtype, losses.device) : zeros_like(losses).detach());
        return Weighed(losses, nn.functional.softmax(draws, 0));
    }
}
