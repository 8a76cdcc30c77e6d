using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The term of an image is the mean of | |dy p| - |dy t| |^Alpha plus the mean of | |dx p| - |dx t| |^Alpha over neighbouring pixels; a side of 1 pixel:
/// that direction is 0. Blind to the sign of an edge and to brightness. Mathieu et al. 2016 eq 6 (the paper sums; the mean does not depend on the resolution).
/// </summary>
[LossGuide(
    "mean ||dy p| - |dy t||^α + mean ||dx p| - |dx t||^α",
    Use = "sharper edges beside a pixel loss",
    Avoid = "alone: a constant offset costs nothing",
    Cost = "about eight passes",
    Paper = "Mathieu et al. 2016"
)]
public sealed record GradientDifferenceLoss : ImageLoss
{
    /// <summary>The power; the paper tries 1 and 2. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        ImageArithmetic.Check(this, "predictions", predictions);
        var vertical = Difference(ImageArithmetic.Vertical(predictions), ImageArithmetic.Vertical(targets));
        var horizontal = Difference(ImageArithmetic.Horizontal(predictions), ImageArithmetic.Horizontal(targets));
        return new(ImageArithmetic.MeanOfEach(vertical) + ImageArithmetic.MeanOfEach(horizontal));
    }

    private Tensor Difference(Tensor a, Tensor b)
    {
        if (Alpha == 1)
            return nn.functional.l1_loss(a.abs(), b.abs(), nn.Reduction.None);
        if (Alpha == 2)
            return nn.functional.mse_loss(a.abs(), b.abs(), nn.Reduction.None);
        var difference = (a.abs() - b.abs()).abs();
        var tie = difference.eq(0); // masked before the power, whose slope at 0 may be infinite
        return difference.masked_fill(tie, 1).pow(Alpha).masked_fill(tie, 0);
    }
}
