using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = sqrt(x^2 + Delta^2), x = predictions - targets; the gradient is x / l. A perfect prediction costs Delta, not 0: for a loss that
/// starts at 0 take <see cref="AdaptiveLoss"/> with Alpha 1. Charbonnier et al. 1994; Lai et al. 2017 (LapSRN) with this default.
/// Conventions differ: BasicSR's <c>eps</c> of 1e-12 stands for Delta^2 (Delta = 1e-6); kornia fixes Delta at 1 and subtracts 1.
/// </summary>
[LossGuide(
    "sqrt(x² + δ²)",
    Use = "super-resolution and restoration: |x| without the kink",
    Avoid = "copying eps between conventions: here Delta is squared",
    Cost = "two passes",
    Paper = "Charbonnier et al. 1994; Lai et al. 2017"
)]
public sealed record CharbonnierLoss : RegressionLoss
{
    /// <summary>The |x| around which the bowl becomes linear, in units of the target. Default 1e-3.</summary>
    [Interval("(0, inf)")]
    public double Delta
    {
        get;
        init => field = Valid(value);
    } = 1e-3;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var residual = predictions - targets;
        return new(residual.hypot(call.Constant(nameof(Delta), residual, () => [Delta])));
    }
}
