using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Cross-entropy of Scale |x| cos_j, the target's cosine replaced by psi(t) = (-1)^k cos(m t) - 2 k, k = floor(m t / pi) at most m - 1, m = Margin.
/// Parameter <c>weight</c> [C, D], normal(0, 1). x = 0: all logits 0, log C. The paper anneals towards psi; here begin with Margin 1 and raise it, or take
/// CosFace or ArcFace: without, it hardly starts to learn. Liu et al. 2017; follows pytorch-metric-learning's <c>SphereFaceLoss</c>.
/// </summary>
[LossGuide(
    "cross-entropy of s |x| cos, the target's s |x| ψ(θ)",
    Use = "comparison with its successors CosFace and ArcFace",
    Avoid = "Margin 4 from the start",
    Cost = "three products of N × D × C",
    Paper = "Liu et al. 2017"
)]
public sealed record SphereFaceLoss : ClassifierMetricLoss
{
    /// <summary>m, the whole number that multiplies the target's angle; 1: no margin. Default 4.</summary>
    [Interval("[1, 8]")]
    public int Margin
    {
        get;
        init => field = Valid(value);
    } = 4;

    /// <summary>Multiplies the logits. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 1;

    private protected override double LogitScale => Scale;

    private protected override bool UsesLengths => true;

    private protected override Tensor Rows(Tensor embeddings) => embeddings;

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        scores =>
        {
            var cosines = scores / lengths!.clamp(min: 1e-12);
            // cos(m t) and its derivative by cos t: Chebyshev polynomials of the first and second kind.
            var (previous, current) = (ones_like(cosines), cosines);
            var (previousSecond, second) = (zeros_like(cosines), ones_like(cosines));
            for (var i = 1; i < Margin; i++)
            {
                (previous, current) = (current, 2 * cosines * current - previous);
                (previousSecond, second) = (second, 2 * cosines * second - previousSecond);
            }
            var k = zeros_like(cosines);
            for (var i = 1; i < Margin; i++)
                k.add_(cosines.le(Math.Cos(i * Math.PI / Margin)));
            var sign = 1 - 2 * k.remainder(2);
            var psi = sign * current - 2 * k;
            var slope = sign * second * Margin;
            return new(psi * lengths!, slope, psi - cosines * slope);
        };
}
