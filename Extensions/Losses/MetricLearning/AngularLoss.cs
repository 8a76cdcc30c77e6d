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
        var square = Math.Pow(Math.Tan(Angle), 2);
        var anchors = Distance.Unit(pairs.Anchors);
        var partners = pairs.InBatch ? anchors : Distance.Unit(pairs.Partners);
        var list = mined.Positives.Members.nonzero().unbind(1);
        var (a, p) = (anchors.index_select(0, list[0]), partners.index_select(0, list[1]));
        var toNegatives = ((a + p) * (4 * square)).mm(partners.t());
        var exponents = toNegatives - ((a * p).sum([1], keepdim: true) * (2 * (1 + square)));
        var costs = MaskedSums.LogOnePlusSumExp(exponents, new(mined.Negatives.Members.index_select(0, list[0]), a.dtype));
        return PairTerms.Of(costs.sum(), mined.Positives.Numbers.sum());
    }
}
