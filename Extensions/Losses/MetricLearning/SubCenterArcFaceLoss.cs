using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// ArcFace with several centres a class: c_j is the largest cosine among the SubCenters of class j. Parameter <c>weight</c> [C * SubCenters, D],
/// normal(0, 1); class j has the rows j K .. j K + K - 1. SubCenters 1 is ArcFace. For noisy labels: after a while drop samples farther than about 75
/// degrees from their class's dominant centre. Deng et al. 2020; follows pytorch-metric-learning's <c>SubCenterArcFaceLoss</c> (28.6 degrees).
/// </summary>
[LossGuide(
    "ArcFace over the nearest of K centres a class",
    Use = "identities with noisy labels or several looks",
    Avoid = "few samples a class",
    Cost = "three products of N × D × C K",
    Paper = "Deng et al. 2020"
)]
public sealed record SubCenterArcFaceLoss : ClassifierMetricLoss
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

    /// <summary>K, the centres a class. Default 3.</summary>
    [Interval("[1, inf)")]
    public int SubCenters
    {
        get;
        init => field = Valid(value);
    } = 3;

    private protected override double LogitScale => Scale;

    private protected override int RowsPerClass => SubCenters;

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        cosines => MarginTarget.Angular(cosines, tensor(Margin, dtype: cosines.dtype, device: cosines.device), easy: false);
}
