using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = x^2, x = predictions - targets. Estimates the mean; one outlier of 100 weighs as ten thousand residuals of 1 (see <see
/// cref="HuberLoss"/>). Follows <c>torch.nn.functional.mse_loss</c>.
/// </summary>
[LossGuide(
    "x²",
    Use = "errors are Gaussian; images in [0, 1] where blur is acceptable",
    Avoid = "outliers; targets of 0-255",
    Cost = "one pass, fused",
    Paper = "Gauss 1809"
)]
public sealed record MeanSquaredErrorLoss : RegressionLoss
{
    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        new(nn.functional.mse_loss(predictions, targets, nn.Reduction.None));

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) =>
        Fused(call, (predictions, targets) => nn.functional.mse_loss(predictions, targets));
}
