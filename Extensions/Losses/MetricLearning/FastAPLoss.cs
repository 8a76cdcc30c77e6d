using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// One minus the average precision of ranking the batch by distance, made smooth by a histogram: d the squared distance of unit vectors in [0, 4], Bins + 1
/// centres b_l = 4 l / Bins, pulse max(0, 1 - |d - b_l| / (4 / Bins)), h+_l and h_l the sums of pulses over the positives and over all, H+ and H cumulative;
/// AP = 1/n+ sum_l h+_l H+_l / H_l (0 where h+_l = 0). <c>mean</c> (over samples with a positive) and <c>sum</c>. Cakir et al. 2019; follows
/// pytorch-metric-learning's <c>FastAPLoss</c>.
/// </summary>
[LossGuide(
    "1 - 1/n⁺ Σ_l h⁺_l H⁺_l / H_l over histogram bins of d²",
    Use = "ranking quality itself, with batches of hundreds",
    Avoid = "small batches",
    Cost = "N² (Bins + 1) numbers: fine to N of about 1000",
    Paper = "Cakir et al. 2019"
)]
public sealed record FastAPLoss : PairMetricLoss
{
    /// <summary>The number of intervals of the histogram. Default 10.</summary>
    [Interval("[2, inf)")]
    public int Bins
    {
        get;
        init => field = Valid(value);
    } = 10;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var d = pairs.Dissimilarity(new EuclideanDistance { Power = 2 });
        // The pulses up to a bin add up to a ramp: 0 before, 1 from its centre on. Cumulative sums are sums of ramps, and bins are their differences.
        var ends = arange(1, Bins + 2, dtype: d.dtype, device: d.device);
        var ramps = (ends - (d * (Bins / 4.0)).unsqueeze(-1)).clamp(0, 1);
        var positives = mined.Positives.Numbers;
        var groups = stack(new Tensor[] { positives, mined.Used.Numbers }, 1);
        var cumulative = groups.bmm(ramps).unbind(1);
        var (ownBelow, below) = (cumulative[0], cumulative[1]);
        var own = cat([ownBelow.narrow(1, 0, 1), ownBelow.narrow(1, 1, Bins) - ownBelow.narrow(1, 0, Bins)], 1);
        var empty = own.eq(0);
        var precision = (own * ownBelow / below.masked_fill(empty, 1)).masked_fill(empty, 0).sum([1]);
        var count = positives.sum([1]);
        var counted = count.gt(0).to(d.dtype);
        return PairTerms.Of(((1 - precision / count.clamp(min: 1)) * counted).sum(), counted.sum());
    }
}
