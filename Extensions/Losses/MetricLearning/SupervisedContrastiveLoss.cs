using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each anchor with a positive -1/|P| sum_{p in P} log(exp(cos_ap / T) / sum_{k != a} exp(cos_ak / T)), T = Temperature, k over all partners used.
/// <c>mean</c> is over those anchors; <c>none</c> [N], 0 for the others. Khosla et al. 2020 eq. 2 (L_out). pytorch-metric-learning's <c>SupConLoss</c> gives
/// 0 for a batch of one class and leaves out anchors whose loss rounds to 0; the authors' code has temperature 0.07.
/// </summary>
[LossGuide(
    "-mean over positives of log softmax(cos / T)",
    Use = "pre-training with labels in large batches",
    Avoid = "few samples a class; temperatures below 0.05 in half precision",
    Cost = "one matrix product",
    Paper = "Khosla et al. 2020"
)]
public sealed record SupervisedContrastiveLoss : PairMetricLoss
{
    /// <summary>Divides the cosines: lower stresses the hardest. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    private protected override bool ServesMemory => true;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var scores = pairs.Cosines() / Temperature;
        var positives = mined.Positives.Numbers;
        var count = positives.sum([1]);
        var all = MaskedSums.LogSumExp(scores, mined.Used);
        var mean = (scores * positives).sum([1]) / count.clamp(min: 1);
        return new(all - mean, count.gt(0).to(scores.dtype));
    }
}
