using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each positive pair log(1 + sum_{n neg of a} exp(4 tan^2(Angle) (a + p) . n - 2 (1 + tan^2(Angle)) a . p)), unit vectors. <c>mean</c> (over positive
/// pairs) and <c>sum</c>. It lists its pairs, which waits for the device. Wang et al. 2017; pytorch-metric-learning's <c>AngularLoss</c> does not normalise
/// the negatives.
/// </summary>
[LossGuide(
    "ln(1 + Σₙ exp(4 tan²α (a + p)·n - 2 (1 + tan²α) a·p))",
    Use = "triplets by the angle at the negative: no scale to choose; usually added to NPair",
    Avoid = "degrees for radians; angles above 1: tan² explodes",
    Cost = "pairs × N products",
    Paper = "Wang et al. 2017"
)]
public sealed record AngularLoss : PairMetricLoss
{
    /// <summary>The largest angle at the negative in radians. Default 2 pi / 9, 40 degrees.</summary>
    [Interval("(0, pi/2)")]
    public double Angle
    {
        get;
        init => field = Valid(value);
    } = 2 * Math.PI / 9;

    private protected override bool ServesMemory => true;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var anchors = Distance.Unit(pairs.Anchors);
        var partners = pairs.InBatch ? anchors : Distance.Unit(pairs.Partners);
        return PairTerms.Of(AngularSum.Compute(anchors, partners, mined, Math.Pow(Math.Tan(Angle), 2)), mined.Positives.Numbers.sum());
    }
}
