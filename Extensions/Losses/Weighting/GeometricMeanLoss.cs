using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// exp(mean_i log max(L_i, Epsilon)): every task is improved by the same share. A loss at or below Epsilon gets no gradient; the others' is value / (T L_i).
/// Chennupati et al. 2019 eq 4; follows LibMTL's GLS.
/// </summary>
[LossGuide(
    "(Π L_i)^(1/T)",
    Use = "losses of one sign and unlike scales",
    Avoid = "losses that can be 0 or negative: a term that nears 0 dominates the gradient",
    Cost = "nothing",
    Paper = "Chennupati et al. 2019"
)]
public sealed record GeometricMeanLoss : LossWeighting
{
    /// <summary>The least loss that counts. Default 1e-12.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-12;

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call) =>
        LossTerms.Single(losses.masked_fill(losses.le(Epsilon), Epsilon).log().mean().exp());
}
