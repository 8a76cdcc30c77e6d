using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// VSE++: s_ij = cos(a_i, b_j); l_i = h_j max(0, Margin + s_ij - s_ii) + h_j max(0, Margin + s_ji - s_ii) over j != i, h = max with HardestOnly, else sum.
/// N = 1: 0. Faghri et al. 2018; follows the authors' ContrastiveLoss (which sums over the batch; its margin 0.2 comes from its training script) and
/// pytorch-metric-learning with batch-hard mining in both directions.
/// </summary>
[LossGuide(
    "h_{j≠i} [m + s_ij - s_ii]₊ + h_{j≠i} [m + s_ji - s_ii]₊",
    Use = "image-text retrieval",
    Avoid = "HardestOnly from the first step: it may not converge; sum over negatives for the first epoch",
    Cost = "O(N² D), memory N²",
    Paper = "Faghri et al. 2018"
)]
public sealed record CrossModalTripletLoss : TwoViewLoss
{
    /// <summary>By how much a pair's cosine must exceed those of its negatives. Default 0.2.</summary>
    [Interval("[0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.2;

    /// <summary>Only the hardest negative of each row and column counts; false: all. Default true.</summary>
    public bool HardestOnly { get; init; } = true;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var (a, b) = (Views.Unit(viewA), Views.Unit(viewB));
        var positives = Views.Dot(a, b);
        var cosines = Views.ExcludeDiagonal(a.mm(b.t()));
        if (HardestOnly)
        {
            var (ofRow, ofColumn) = (cosines.max(1).values, cosines.max(0).values);
            return new((Margin + ofRow - positives).relu() + (Margin + ofColumn - positives).relu());
        }
        var byRow = (Margin + cosines - positives.unsqueeze(1)).relu().sum(1);
        var byColumn = (Margin + cosines - positives.unsqueeze(0)).relu().sum([0]);
        return new(byRow + byColumn);
    }
}
