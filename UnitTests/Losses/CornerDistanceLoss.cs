using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>The mean distance of corners in units of the true box's longer side, at most Cap: a box loss of one's own.</summary>
[LossGuide("min(|corners| / side, cap)", Use = "a test", Avoid = "anything else", Cost = "one pass")]
public sealed record CornerDistanceLoss : BoxLoss
{
    /// <summary>What a pair costs at most. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Cap
    {
        get;
        init => field = Valid(value);
    } = 2;

    protected override LossTerms Compare(Tensor predictedBoxes, Tensor targetBoxes, LossCall call)
    {
        var sides = targetBoxes.narrow(1, 2, 2) - targetBoxes.narrow(1, 0, 2);
        var distance = (predictedBoxes - targetBoxes).abs().mean([1]) / sides.amax([1]).clamp(min: 1e-6);
        return new(distance.clamp(max: Cap));
    }
}
