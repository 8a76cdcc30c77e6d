using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each anchor softplus(LSE_pos(-Scale a_p (s - (1 - m))) + LSE_neg(Scale a_n (s - m))), s the cosine, m = Margin, a_p = max(0, 1 + m - s) and
/// a_n = max(0, s + m) both held constant for the gradient, LSE = log sum exp. <c>mean</c> is over the anchors with a positive and a negative; <c>none</c>
/// [N], 0 for the others. Sun et al. 2020 (faces 0.25 / 256, re-identification 0.25 / 128, fine-grained 0.4 / 80); follows pytorch-metric-learning's
/// <c>CircleLoss</c>, but counts anchors whose loss underflows to 0.
/// </summary>
[LossGuide(
    "softplus(LSE⁺(-γ a⁺ (s - 1 + m)) + LSE⁻(γ a⁻ (s - m)))",
    Use = "faces and re-identification: pairs weighed by how far they are from their optimum",
    Avoid = "Margin and Scale of another task",
    Cost = "one matrix product",
    Paper = "Sun et al. 2020"
)]
public sealed record CircleLoss : PairMetricLoss
{
    /// <summary>m: positives aim at 1 - m and beyond, negatives at m and below. Default 0.4.</summary>
    [Interval("[0, 1]")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.4;

    /// <summary>Multiplies the exponents (the paper's gamma). Default 80.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 80;

    private protected override bool ServesMemory => true;

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var s = pairs.Cosines();
        var constant = s.detach();
        var (positives, negatives) = (mined.Positives, mined.Negatives);
        var toPositives = (constant.neg() + (1 + Margin)).relu_().mul_(-Scale) * (s - (1 - Margin));
        var toNegatives = (constant + Margin).relu_().mul_(Scale) * (s - Margin);
        var both = positives.Any * negatives.Any;
        // Without both kinds the sum lies about 1e30 below 0 and costs nothing.
        var sum = MaskedSums.LogSumExp(toPositives, positives) + MaskedSums.LogSumExp(toNegatives, negatives);
        return new(Softplus.Of(sum), both);
    }
}
