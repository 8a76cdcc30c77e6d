using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = -ln p_y, only on hard pixels: those with p_y &lt; Threshold, or, if fewer than MinimumKept are, the MinimumKept valid pixels of least p_y in the batch (all, if
/// there are no more; ties with the last one are kept). Other pixels have weight 0. The choice has no gradient and does not wait for the device.
/// <c>logits</c> [N, C, ...] (C = 1: sigmoid, ClassWeights [2]), <c>targets</c> indices [N, ...]; <c>none</c> is [N, ...]. Shrivastava et al. 2016, Wu et al.
/// 2016; HRNet's <c>OhemCrossEntropy</c>, which divides by the count also with class weights. Also known as bootstrapped cross-entropy.
/// </summary>
[LossGuide(
    "-ln p_y where p_y < threshold",
    Use = "most pixels are easy and drown the others",
    Avoid = "noisy labels: wrong labels are the hardest pixels",
    Cost = "cross-entropy and a selection, linear in pixels",
    Paper = "Shrivastava et al. 2016"
)]
public sealed record OnlineHardExampleMiningCrossEntropyLoss : WeightedMaskLoss
{
    /// <summary>Below which probability of the true class a pixel is hard. Default 0.7.</summary>
    [Interval("(0, 1]")]
    public double Threshold
    {
        get;
        init => field = Valid(value);
    } = 0.7;

    /// <summary>How many pixels of the whole batch are kept at least. Default 100000.</summary>
    [Interval("[1, inf)")]
    public long MinimumKept
    {
        get;
        init => field = Valid(value);
    } = 100_000;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        var logits = call["logits"];
        if (logits.device_type != DeviceType.CPU)
            return null;
        var targets = ClassTargets.Read(this, call);
        _ = Weights(Math.Max(2, targets.ClassCount), logits, call); // their number is checked
        return PixelScores.CostSums(this, logits, targets, ClassWeights, MinimumKept < targets.Raw.numel() ? Hard(logits, targets) : null);
    }

    // 1 at hard pixels, 0 elsewhere, [N, S], in the place of the logarithms of their probabilities. Ignored pixels have probability 1, the least hard.
    private Tensor Hard(Tensor logits, ClassTargets targets)
    {
        using var frozen = no_grad();
        var logProbabilities = PixelScores.LogLikelihood(this, logits, targets);
        var hardest = OrderStatistic.Smallest(logProbabilities, MinimumKept);
        var threshold = Math.Log(Threshold);
        return hardest < threshold ? logProbabilities.lt_(threshold) : logProbabilities.le_(hardest);
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var weights = PixelScores.Weights(logits, targets, Weights(Math.Max(2, targets.ClassCount), logits, call));
        var values = PixelScores.NegativeLogLikelihood(this, logits, targets);
        var pixels = values.numel();
        if (MinimumKept >= pixels)
            return new(values, weights);
        // In logarithms: probabilities of very wrong pixels all round to 0.
        var logProbabilities = values.detach().neg().masked_fill(targets.Valid!.logical_not(), double.PositiveInfinity);
        var hardest = logProbabilities.flatten().kthvalue(MinimumKept, 0).values;
        var hard = logProbabilities.lt(Math.Log(Threshold)).logical_or(logProbabilities.le(hardest));
        return new(values, weights * hard.to(weights.dtype));
    }
}
