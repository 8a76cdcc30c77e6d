using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Sums of squares of [D, D] statistics of a batch, without the matrix when rows are fewer than features.</summary>
internal static class CrossCorrelation
{
    /// <summary>
    /// sum_ij (a^T b)_ij^2 for a, b [N, D]. The trace of (a^T b)(a^T b)^T = sum (a a^T) * (b b^T): with N &lt; D two small products of N x N take
    /// the place of one of D x D, in time and in memory (D is often 8192).
    /// </summary>
    public static Tensor SumOfSquares(Tensor a, Tensor b)
    {
        var (rows, width) = (a.shape[0], a.shape[1]);
        if (rows >= width)
            return a.t().mm(b).square().sum();
        return ReferenceEquals(a, b) ? a.mm(a.t()).square().sum() : (a.mm(a.t()) * b.mm(b.t())).sum();
    }
}
