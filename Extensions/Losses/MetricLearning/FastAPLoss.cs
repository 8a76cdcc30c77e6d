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
        var width = 4.0 / Bins;
        var centres = arange(Bins + 1, dtype: d.dtype, device: d.device) * width;
        var pulses = (1 - (d.unsqueeze(-1) - centres).abs() / width).relu();
        var positives = mined.Positives.Numbers;
        var groups = stack(new Tensor[] { positives, mined.Used.Numbers }, 1);
        var histograms = groups.bmm(pulses).unbind(1);
        var (own, ownBelow, below) = (histograms[0], histograms[0].cumsum(1), histograms[1].cumsum(1));
        var empty = own.eq(0);
        var precision = (own * ownBelow / below.masked_fill(empty, 1)).masked_fill(empty, 0).sum([1]);
        var count = positives.sum([1]);
        var counted = count.gt(0).to(d.dtype);
        return PairTerms.Of(((1 - precision / count.clamp(min: 1)) * counted).sum(), counted.sum());
    }
}
