using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = x^2 / (2 Beta) if |x| &lt; Beta, else |x| - Beta / 2, x = predictions - targets; Beta = 0 is exactly |x|. Equals Huber(Delta = Beta)
/// / Beta: the slope of the tails stays 1. Serves encoded box offsets in detection. Girshick 2015 (Fast R-CNN); follows
/// <c>torch.nn.functional.smooth_l1_loss</c>. Other defaults of Beta in use: 0 in Detectron2's RPN and box heads, 0.1 in its RetinaNet, 1/9
/// in older RPNs.
/// </summary>
[LossGuide(
    "x²/(2β) for |x| < β, else |x| - β/2",
    Use = "box offsets; regression with some outliers where the slope of the tails must stay 1",
    Avoid = "comparing values across Beta settings",
    Cost = "one pass, fused",
    Paper = "Girshick 2015"
)]
public sealed record SmoothL1Loss : RegressionLoss
{
    /// <summary>The |x| at which the quadratic bowl becomes linear, in units of the target; 0: no bowl. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        new(Value(predictions, targets, nn.Reduction.None));

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) =>
        Fused(call, (predictions, targets) => Value(predictions, targets, nn.Reduction.Mean));

    private Tensor Value(Tensor predictions, Tensor targets, nn.Reduction reduction) =>
        Beta == 0 ? AbsoluteError.Of(predictions, targets, reduction) : nn.functional.smooth_l1_loss(predictions, targets, reduction, Beta);
}
