using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// 1/|P+| sum over proxies p with positives of log(1 + sum_pos exp(-Scale (cos - Margin))) + 1/C sum over all proxies of
/// log(1 + sum_neg exp(Scale (cos + Margin))), sums over the samples of the batch. <c>mean</c> is as written; <c>sum</c> leaves out 1/|P+| and 1/C.
/// Parameter <c>proxies</c> [C, D], normal(0, sqrt(2 / C)); give them about 100 times the network's learning rate. Kim et al. 2020; follows
/// pytorch-metric-learning's <c>ProxyAnchorLoss</c>.
/// </summary>
[LossGuide(
    "mean ln(1 + Σ⁺ exp(-α(cos - δ))) + mean ln(1 + Σ⁻ exp(α(cos + δ))) over proxies",
    Use = "retrieval: fast to converge, batches of any composition",
    Avoid = "proxies at the network's learning rate",
    Cost = "one product of N × D × C",
    Paper = "Kim et al. 2020"
)]
public sealed record ProxyAnchorLoss : MetricLoss, IOwnsHead
{
    /// <summary>Added on both sides of the cosine. Default 0.1.</summary>
    [Interval("[0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Multiplies the cosines (the paper's alpha). Default 32.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 32;

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        var state = new LossState(context);
        var (classes, size) = ClassifierMetricLoss.Sizes(context, Name);
        return state.AddParameter("proxies", state.Normal(classes, size).mul_(Math.Sqrt(2.0 / classes)));
    }

    /// <inheritdoc/>
    public Tensor Logits(Tensor embeddings, LossState state)
    {
        using var scope = NewDisposeScope();
        return (Distance.Unit(embeddings) * Scale).mm(Distance.Unit(state["proxies"]).t()).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        var proxies = call.State["proxies"];
        CheckAgainst(proxies, 1, embeddings, labels, call);
        if (embeddings.shape[0] == 0)
            return new(embeddings.sum([1]));
        var cosines = Distance.Unit(proxies).mm(Distance.Unit(embeddings).t()); // [C, N]
        var positives = arange(proxies.shape[0], dtype: ScalarType.Int64, device: labels.device).unsqueeze(1).eq(labels);
        var own = new PairMask(positives, cosines.dtype);
        var pull = MaskedSums.LogOnePlusSumExp(cosines, own, -Scale, Margin);
        var push = MaskedSums.LogOnePlusSumExp(cosines, new(positives.logical_not(), cosines.dtype), Scale, -Margin);
        return new(pull, own.Any) { ByRow = false, More = [new(push) { ByRow = false }] };
    }
}
