using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = log cosh x = |x| + log(1 + exp(-2|x|)) - log 2, x = predictions - targets; the gradient is tanh x. A smooth Huber whose scale is
/// fixed at 1: normalise targets of another magnitude first. Computed in the second form, which does not overflow: |x| = 1e5 gives 1e5 -
/// 0.693. Keras' <c>log_cosh</c> has the same values.
/// </summary>
[LossGuide(
    "log cosh x",
    Use = "Huber with continuous curvature, for normalised targets",
    Avoid = "targets of another magnitude than 1",
    Cost = "five passes",
    Paper = "Green 1990"
)]
public sealed record LogCoshLoss : RegressionLoss
{
    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var residual = predictions - targets;
        return new(residual + Softplus.Of(residual * -2) - Math.Log(2)); // the second form for either sign
    }
}
