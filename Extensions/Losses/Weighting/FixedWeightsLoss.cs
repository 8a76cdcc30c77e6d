using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// sum_i Weights_i losses_i. A weight of 0: the loss is still reported, its gradient is 0. The sum <c>a + 0.5 * b</c> is this already; well-chosen fixed weights are hard
/// to beat.
/// </summary>
[LossGuide(
    "Σ w_i L_i",
    Use = "terms of one task whose scales you know; the first thing to try",
    Avoid = "tasks of unlike units whose losses fall at unlike pace",
    Cost = "nothing",
    Paper = "none: the plain weighted sum"
)]
public sealed record FixedWeightsLoss : LossWeighting
{
    /// <summary>One number a task, of any sign; null (the default): all 1.</summary>
    [Interval("(-inf, inf)")]
    public ValueList<double>? Weights
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected override int? OptionCount => Weights?.Count;

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call) =>
        LossTerms.Single(Weights is null ? losses.sum() : losses.dot(call.Constant(Weights, losses)));
}
