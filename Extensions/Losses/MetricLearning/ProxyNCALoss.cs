using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// -log softmax_y(-Scale |x^ - p^_j|^2), unit vectors: cross-entropy of Scale (2 cos - 2). Parameter <c>proxies</c> [C, D], normal(0, 1); Scale 9 is
/// ProxyNCA++. Movshovitz-Attias et al. 2017, with the own proxy in the denominator as in pytorch-metric-learning's <c>ProxyNCALoss</c>, which silently
/// drops samples whose probability underflows to 0.
/// </summary>
[LossGuide(
    "-ln softmax of -s |x - p_j|²",
    Use = "retrieval with one proxy a class and batches of any composition",
    Avoid = "proxies at the network's learning rate: give them a larger one",
    Cost = "three products of N × D × C",
    Paper = "Movshovitz-Attias et al. 2017"
)]
public sealed record ProxyNCALoss : ClassifierMetricLoss
{
    /// <summary>Multiplies the squared distances. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 1;

    // The - 2 of every class cancels.
    private protected override double LogitScale => 2 * Scale;

    private protected override string ParameterName => "proxies";

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        cosines => MarginTarget.Additive(cosines, 0);
}
