using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// s_jk = cos(x, w_jk); S_j = sum_k softmax_k(s_jk / Temperature) s_jk; cross-entropy of Scale (S - Margin at y); plus CenterRegularization * sum over pairs
/// i &lt; k of one class of sqrt(2 + 1e-5 - 2 w^_ji . w^_jk) / (C K (K-1)), once, whatever the reduction. Parameter <c>centers</c> [C * K, D], class j in
/// rows j K .. j K + K - 1, uniform(+-1/sqrt(C K)). <c>mean</c>, <c>sum</c> and <c>none</c> [N]. Qian et al. 2019 (la, gamma, delta, tau); follows
/// pytorch-metric-learning's <c>SoftTripleLoss</c>, the regulariser the authors' code.
/// </summary>
[LossGuide(
    "cross-entropy of λ (S - δ at y), S_j = softmax-weighted cosines with K centres",
    Use = "classes with several looks",
    Avoid = "many centres for few samples without CenterRegularization",
    Cost = "products of N × D × C K",
    Paper = "Qian et al. 2019"
)]
public sealed record SoftTripleLoss : MetricLoss, IOwnsHead
{
    /// <summary>K, the centres a class. Default 10.</summary>
    [Interval("[1, inf)")]
    public int CentersPerClass
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>Multiplies the class scores. Default 20.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 20;

    /// <summary>How softly the centres of a class share a sample; lower: the nearest alone. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Taken off the target's score. Default 0.01.</summary>
    [Interval("(-inf, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.01;

    /// <summary>The weight of the distances between the centres of a class, which merges centres that are not needed. Default 0; 0.2 in the authors' code.</summary>
    [Interval("[0, inf)")]
    public double CenterRegularization
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        var state = new LossState(context);
        var (classes, size) = ClassifierMetricLoss.Sizes(context, Name);
        var rows = (long)classes * CentersPerClass;
        return state.AddParameter("centers", state.Uniform(rows, size).mul_(2).sub_(1).div_(Math.Sqrt(rows)));
    }

    /// <inheritdoc/>
    public Tensor Logits(Tensor embeddings, LossState state)
    {
        using var scope = NewDisposeScope();
        return (Scores(embeddings, Distance.Unit(state["centers"])) * Scale).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        CheckAgainst(call.State["centers"], CentersPerClass, embeddings, labels, call);
        var centers = Distance.Unit(call.State["centers"]);
        var margin = full([labels.shape[0], 1], -Margin, dtype: centers.dtype, device: centers.device);
        var scores = Scores(embeddings, centers).scatter_add(1, labels.unsqueeze(1), margin);
        var values = nn.functional.cross_entropy(scores * Scale, labels, reduction: nn.Reduction.None);
        return new(values) { Constant = Regularizer(centers) };
    }

    private Tensor Scores(Tensor embeddings, Tensor centers)
    {
        var cosines = Distance.Unit(embeddings).mm(centers.t()).view(embeddings.shape[0], -1, CentersPerClass);
        return SoftMaximum.Of(cosines, Temperature);
    }

    private Tensor? Regularizer(Tensor centers)
    {
        if (CenterRegularization == 0 || CentersPerClass == 1)
            return null;
        var byClass = centers.view(-1, CentersPerClass, centers.shape[1]);
        var apart = (2 + 1e-5 - 2 * byClass.bmm(byClass.transpose(1, 2))).sqrt().triu(1).sum();
        return apart * (CenterRegularization / (centers.shape[0] * (CentersPerClass - 1.0)));
    }
}
