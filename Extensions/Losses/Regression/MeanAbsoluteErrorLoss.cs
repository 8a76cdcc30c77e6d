using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = |x|, x = predictions - targets; the gradient is sign(x), 0 at x = 0. Estimates the median, not the mean. The gradient does not
/// shrink near the optimum: decay the learning rate. For class probabilities see <c>ProbabilityMeanAbsoluteErrorLoss</c>. Follows
/// <c>torch.nn.functional.l1_loss</c>.
/// </summary>
[LossGuide(
    "|x|",
    Use = "outliers that must not dominate; sharp images",
    Avoid = "a constant learning rate: the gradient does not shrink near the optimum",
    Cost = "one pass, fused",
    Paper = "Laplace 1774"
)]
public sealed record MeanAbsoluteErrorLoss : RegressionLoss
{
    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        new(AbsoluteError.Of(predictions, targets, nn.Reduction.None));

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) =>
        Fused(call, (predictions, targets) => AbsoluteError.Of(predictions, targets, nn.Reduction.Mean));
}
