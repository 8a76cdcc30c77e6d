using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// InvarianceWeight mean((a - b)^2) + VarianceWeight 1/2 [v(a) + v(b)] + CovarianceWeight [c(a) + c(b)], with
/// v(x) = mean_j max(0, 1 - sqrt(Var_j + Epsilon)) (unbiased variance over the batch) and c(x) = sum_{i != j} Cov_ij^2 / D. Nothing is normalised.
/// One number a batch: reduction does not apply. N &lt; 2 throws. A collapsed batch costs VarianceWeight (1 - sqrt(Epsilon)) with gradient 0. Bardes et al.
/// 2022 (the paper writes v(a) + v(b); its code, lightly and we take the half). With N &lt; D the [D, D] matrix is never made.
/// </summary>
[LossGuide(
    "λ MSE(a, b) + μ/2 Σ_views hinge(1 - std) + ν Σ_views offdiag(Cov)² / D",
    Use = "no negatives, and the views may come from different networks or modalities",
    Avoid = "normalised projections (the variance part then always bites); batches of a few rows",
    Cost = "O(N D min(N, D))",
    Paper = "Bardes et al. 2022"
)]
public sealed record VICRegLoss : TwoViewLoss
{
    /// <summary>Weighs the mean squared difference of the views. Default 25.</summary>
    [Interval("[0, inf)")]
    public double InvarianceWeight
    {
        get;
        init => field = Valid(value);
    } = 25;

    /// <summary>Weighs the hinge that keeps every feature's deviation at 1 or more. Default 25.</summary>
    [Interval("[0, inf)")]
    public double VarianceWeight
    {
        get;
        init => field = Valid(value);
    } = 25;

    /// <summary>Weighs the squared covariances between features. Default 1.</summary>
    [Interval("[0, inf)")]
    public double CovarianceWeight
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Added to each variance under the root; it also bounds the root's gradient. Default 1e-4.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-4;

    /// <inheritdoc/>
    protected internal override int MinimumRows => 2;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var (varianceA, covarianceA) = Spread(viewA);
        var (varianceB, covarianceB) = Spread(viewB);
        var invariance = nn.functional.mse_loss(viewA, viewB);
        return LossTerms.Single(
            InvarianceWeight * invariance + VarianceWeight / 2 * (varianceA + varianceB) + CovarianceWeight * (covarianceA + covarianceB)
        );
    }

    private (Tensor Variance, Tensor Covariance) Spread(Tensor view)
    {
        var (rows, width) = (view.shape[0], view.shape[1]);
        var centred = view - view.mean([0], keepdim: true);
        var variances = centred.square().sum([0]) / (rows - 1);
        var all = CrossCorrelation.SumOfSquares(centred, centred) / Math.Pow(rows - 1, 2);
        return ((1 - (variances + Epsilon).sqrt()).relu().mean(), (all - variances.square().sum()) / width);
    }
}
