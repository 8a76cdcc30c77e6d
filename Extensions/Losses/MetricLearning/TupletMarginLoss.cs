using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each positive pair log(1 + sum_{n neg of a} exp(Scale (cos_an - cos(t_ap - Margin)))), t_ap the angle of the pair. <c>mean</c> (over positive pairs)
/// and <c>sum</c>. Equal embeddings: finite gradient. Yu and Tao 2019; follows pytorch-metric-learning's <c>TupletMarginLoss</c> (5.73 degrees).
/// </summary>
[LossGuide(
    "ln(1 + Σₙ exp(s (cos_an - cos(θ_ap - m))))",
    Use = "retrieval where positives already lie close: the slack keeps classes from collapsing",
    Avoid = "degrees for radians",
    Cost = "one matrix product",
    Paper = "Yu and Tao 2019"
)]
public sealed record TupletMarginLoss : PairMetricLoss
{
    /// <summary>The slack of positive pairs in radians. Default 0.1.</summary>
    [Interval("[0, pi/2]")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Multiplies the cosines. Default 64.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 64;

    private protected override bool ServesMemory => true;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var cosines = pairs.Cosines();
        var (positives, negatives) = (mined.Positives, mined.Negatives);
        var all = MaskedSums.LogSumExp(cosines, negatives, Scale).unsqueeze(1);
        // cos(t - m); the sine of an angle of 0 has an infinite slope, which counts as 0.
        var square = (1 - cosines) * (1 + cosines);
        var flat = square.le(0);
        var sines = square.masked_fill(flat, 1).sqrt().masked_fill(flat, 0);
        var slackened = cosines * Math.Cos(Margin) + sines * Math.Sin(Margin);
        var costs = Softplus.Of(all - slackened * Scale) * positives.Numbers;
        return PairTerms.Of(costs.sum(), positives.Numbers.sum());
    }
}
