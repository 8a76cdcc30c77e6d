using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A further input <c>logScales</c> s of the predictions' shape: b = max(exp s, Epsilon), l = |x| / b + log b, x = predictions - targets,
/// plus log 2 if Full. It can be negative. The robust sibling of <see cref="GaussianNegativeLogLikelihoodLoss"/>; the standard deviation of
/// the fitted density is b sqrt 2. The floor is not differentiated. Finite for any s. Kendall and Gal 2017, section 3.1; agrees with
/// <c>torch.distributions.Laplace</c>.
/// </summary>
[LossGuide(
    "|x|/b + log b, b = exp s",
    Use = "regression with outliers that also states its uncertainty",
    Avoid = "passing scales instead of their logarithms",
    Cost = "about ten passes",
    Paper = "Kendall and Gal 2017"
)]
public sealed record LaplaceNegativeLogLikelihoodLoss : RegressionLoss
{
    /// <summary>Whether the constant log 2 is added, which makes it a likelihood. Default false.</summary>
    public bool Full { get; init; }

    /// <summary>A floor of the scale, in units of the target. Default 1e-6.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-6;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions", "targets", "logScales"];

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var given = call["logScales"];
        Shapes.Same(this, "logScales", given, "predictions", predictions);
        var logScale = LogFloor.Of(given, Epsilon);
        var values = (predictions - targets).abs() * (-logScale).exp() + logScale;
        return new(Full ? values + Math.Log(2) : values);
    }
}
