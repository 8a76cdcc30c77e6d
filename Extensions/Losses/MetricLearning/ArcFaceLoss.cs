using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// c = cos(x, w_j), t = arccos c_y. The target's cosine becomes cos(t + Margin) while t &lt;= pi - Margin, else c_y - Margin sin(Margin) (which keeps it
/// falling); <see cref="EasyMargin"/>: cos(t + Margin) if c_y &gt; 0, else c_y. Value: cross-entropy of Scale * cosines. Parameter <c>weight</c> [C, D],
/// normal(0, 1). On its class vector (c = 1) the gradient is finite. Few classes or no warm-up with Scale 64: saturated, huge losses. Deng et al. 2019;
/// follows pytorch-metric-learning's <c>ArcFaceLoss</c> (28.6 degrees) and insightface's two branches.
/// </summary>
[LossGuide(
    "cross-entropy of s cos, the target's s cos(θ + m)",
    Use = "faces and fine-grained identities with many classes",
    Avoid = "degrees for radians; predicting with the margin",
    Cost = "three products of N × D × C",
    Paper = "Deng et al. 2019"
)]
public sealed record ArcFaceLoss : ClassifierMetricLoss
{
    /// <summary>Added to the target's angle, in radians. Default 0.5.</summary>
    [Interval("[0, pi/2]")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Multiplies the cosines. Default 64.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 64;

    /// <summary>No margin for targets beyond a right angle: easier to start with. Default false.</summary>
    public bool EasyMargin { get; init; }

    private protected override double LogitScale => Scale;

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        cosines => MarginTarget.Angular(cosines, tensor(Margin, dtype: cosines.dtype, device: cosines.device), EasyMargin);
}
