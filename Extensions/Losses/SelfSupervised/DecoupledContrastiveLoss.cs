using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// DCL: NT-Xent without the positive in the denominator, so that an easy positive does not silence the negatives. For each direction
/// l_i = -w_i cos(a_i, b_i) / T + LSE over k != i of cos(a_i, a_k) / T and cos(a_i, b_k) / T; a term is the mean of both directions. w = 1, or with
/// Sigma (DCLW) w_i = 2 - N softmax_i(cos(a_i, b_i) / Sigma), constant. The value may be negative. N = 1: 0. Yeh et al. 2022; follows lightly's DCLLoss
/// and DCLWLoss (which give minus infinity for N = 1).
/// </summary>
[LossGuide(
    "-w cos(a_i, b_i) / T + LSE_{k≠i}(cos / T)",
    Use = "contrastive learning with batches of 32 to 256",
    Avoid = "comparing its values with NTXent's",
    Cost = "O(N² D), memory 4 N²",
    Paper = "Yeh et al. 2022"
)]
public sealed record DecoupledContrastiveLoss : TwoViewLoss
{
    /// <summary>T: divides the cosines. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Sharpness of the weights of positives (von Mises-Fisher; the paper: 0.5); null (the default): weights 1.</summary>
    [Interval("(0, inf)")]
    public double? Sigma
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var rows = viewA.shape[0];
        var (a, b) = (Views.Unit(viewA), Views.Unit(viewB));
        if (rows == 1)
            return new(Views.NothingToCompare(a, b));
        var positives = Views.Dot(a, b);
        var views = cat([a, b]) * (1 / Math.Sqrt(Temperature));
        var logits = views.mm(views.t());
        foreach (var offset in new[] { -rows, 0, rows })
            Views.ExcludeDiagonal(logits, offset);
        var negatives = logits.logsumexp(1).reshape(2, rows).mean([0]);
        var weighted = Sigma is { } sigma ? positives * (2 - rows * nn.functional.softmax(positives.detach() / sigma, 0)) : positives;
        return new(negatives - weighted / Temperature);
    }
}
