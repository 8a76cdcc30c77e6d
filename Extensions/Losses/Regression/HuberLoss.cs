using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = x^2 / 2 if |x| &lt;= Delta, else Delta (|x| - Delta / 2), x = predictions - targets. The gradient of outliers is +-Delta, so that
/// lowering Delta also shrinks the loss; <c>SmoothL1</c> = Huber / Beta keeps slope 1. Huber 1964; follows
/// <c>torch.nn.functional.huber_loss</c>.
/// </summary>
[LossGuide(
    "x²/2 for |x| ≤ δ, else δ(|x| - δ/2)",
    Use = "regression with some outliers",
    Avoid = "Delta left at 1 for targets in [0, 1]: that is plain MSE / 2",
    Cost = "one pass, fused",
    Paper = "Huber 1964"
)]
public sealed record HuberLoss : RegressionLoss
{
    /// <summary>The |x| at which the quadratic bowl becomes linear, in units of the target. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Delta
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        new(nn.functional.huber_loss(predictions, targets, Delta, nn.Reduction.None));

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) =>
        Fused(call, (predictions, targets) => nn.functional.huber_loss(predictions, targets, Delta));
}
