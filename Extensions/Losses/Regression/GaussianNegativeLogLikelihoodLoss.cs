using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A further input <c>logVariances</c> s of the predictions' shape: v = max(exp s, Epsilon), l = (log v + x^2 / v) / 2, x = predictions -
/// targets, plus log(2 pi) / 2 if Full. It can be negative. The network learns its own noise level; trained from scratch together it often
/// stalls: warm the mean up with <see cref="MeanSquaredErrorLoss"/>. The floor is not differentiated: below it the gradient to s is dl/dv
/// at v = Epsilon times exp s. Finite for any s. Nix and Weigend 1994; Kendall and Gal 2017. Follows
/// <c>torch.nn.functional.gaussian_nll_loss</c> with var = exp s (torch takes the variance, not its logarithm).
/// </summary>
[LossGuide(
    "(log v + x²/v)/2, v = exp s",
    Use = "regression that also states its uncertainty",
    Avoid = "passing variances or standard deviations as logVariances",
    Cost = "about ten passes",
    Paper = "Nix and Weigend 1994; Kendall and Gal 2017"
)]
public sealed record GaussianNegativeLogLikelihoodLoss : RegressionLoss
{
    /// <summary>Whether the constant log(2 pi) / 2 is added, which makes it a likelihood. Default false.</summary>
    public bool Full { get; init; }

    /// <summary>A floor of the variance, in units of the target squared. Default 1e-6.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-6;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions", "targets", "logVariances"];

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var given = call["logVariances"];
        Shapes.Same(this, "logVariances", given, "predictions", predictions);
        var logVariance = LogFloor.Of(given, Epsilon);
        var values = (logVariance + (predictions - targets).square() * (-logVariance).exp()) / 2;
        return new(Full ? values + Math.Log(2 * Math.PI) / 2 : values);
    }
}
