using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Each feature is standardised over the batch, (z - mean) / sqrt(biased variance + Epsilon); C = zA^T zB / N;
/// value = sum_i (C_ii - 1)^2 + Lambda sum_{i != j} C_ij^2. One number a batch: reduction does not apply. N &lt; 2 throws; a constant feature has
/// C_ii = 0 and adds 1. Zbontar et al. 2021; follows lightly and the authors' code (the paper's pseudo-code divides by the unbiased deviation
/// without Epsilon). With N &lt; D the [D, D] matrix is never made.
/// </summary>
[LossGuide(
    "Σ (C_ii - 1)² + λ Σ_{i≠j} C_ij²",
    Use = "no negatives, wide projections (thousands of features)",
    Avoid = "batches of a few rows: the correlations are noise; per-row weights",
    Cost = "O(N D min(N, D))",
    Paper = "Zbontar et al. 2021"
)]
public sealed record BarlowTwinsLoss : TwoViewLoss
{
    /// <summary>Weighs the off-diagonal (redundancy) part. Default 0.005.</summary>
    [Interval("[0, inf)")]
    public double Lambda
    {
        get;
        init => field = Valid(value);
    } = 0.005;

    /// <summary>Added to each feature's variance. Default 1e-5.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    /// <inheritdoc/>
    protected internal override int MinimumRows => 2;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var (a, b) = (Standardised(viewA), Standardised(viewB));
        var diagonal = (a * b).mean([0]);
        var all = CrossCorrelation.SumOfSquares(a, b) / Math.Pow(viewA.shape[0], 2);
        return LossTerms.Single((diagonal - 1).square().sum() + Lambda * (all - diagonal.square().sum()));
    }

    private Tensor Standardised(Tensor view)
    {
        var centred = view - view.mean([0], keepdim: true);
        return centred / (centred.square().mean([0], keepdim: true) + Epsilon).sqrt();
    }
}
