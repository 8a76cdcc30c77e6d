using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l_i = 1/2 |x_i - c_{y_i}|^2. Parameter <c>centers</c> [C, D], normal(0, 1). The centres take the plain gradient of the value; the paper moves c_j by
/// 0.5 sum(c_j - x_i) / (1 + n_j), a step along our gradient times N / (1 + n_j): give them their own, larger learning rate to get near it. Classes absent
/// from the batch have gradient 0. <c>mean</c> over samples, <c>sum</c> (the paper's), <c>none</c> [N]. A term to add: cross-entropy + 0.003..0.01 * Center.
/// Wen et al. 2016.
/// </summary>
[LossGuide(
    "½ |x - c_y|²",
    Use = "beside cross-entropy, to draw each class together",
    Avoid = "alone: everything collapses to one point",
    Cost = "one pass over the embeddings",
    Paper = "Wen et al. 2016"
)]
public sealed record CenterLoss : MetricLoss
{
    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        var state = new LossState(context);
        var (classes, size) = ClassifierMetricLoss.Sizes(context, Name);
        return state.AddParameter("centers", state.Normal(classes, size));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        var centers = call.State["centers"];
        CheckAgainst(centers, 1, embeddings, labels, call);
        return new((embeddings - centers.index_select(0, labels)).square().sum([1]) * 0.5);
    }
}
