using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The first two samples, in batch order, of each class that has two are its anchor and positive: cross-entropy of s(anchor_c, positive_k) over those
/// classes k, target c. Plus EmbeddingRegularization * mean_i |x_i|^2 over the whole batch, once, whatever the reduction. Further samples of a class are
/// ignored. No class of two: 0 and the regulariser; one such class: 0. <c>mean</c> and <c>sum</c> over classes. Sohn 2016; follows pytorch-metric-learning's
/// <c>NPairsLoss</c> with raw products (its default normalises: <c>Cosine</c>).
/// </summary>
[LossGuide(
    "cross-entropy of a_c · p_k over the classes k",
    Use = "many classes with two samples each in a batch",
    Avoid = "more than two samples a class: the rest is wasted",
    Cost = "one matrix product",
    Paper = "Sohn 2016"
)]
public sealed record NPairLoss : MetricLoss
{
    /// <summary>DotProduct (the default) or Cosine.</summary>
    public Distance Distance
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Distance));
    } = new DotProductSimilarity();

    /// <summary>The weight of the embeddings' squared length, which raw products let grow without bound. Default 0.</summary>
    [Interval("[0, inf)")]
    public double EmbeddingRegularization
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override bool RowsFirst => false;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (!Distance.IsSimilarity)
            throw new ArgumentException($"{Name}: its Distance must be DotProduct or Cosine; it is {Distance}.", nameof(Distance));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        var same = labels.unsqueeze(1).eq(labels.unsqueeze(0));
        var earlier = same.tril(-1).sum(1, type: ScalarType.Int64);
        var anchors = earlier.eq(0).logical_and_(same.sum(1, type: ScalarType.Int64).ge(2));
        var positives = earlier.eq(1);
        var scores = Distance.Matrix(embeddings, embeddings);
        var partners = new PairMask(positives.unsqueeze(0).expand(scores.shape), scores.dtype);
        var own = (scores * same * partners.Numbers).sum([1]);
        var all = MaskedSums.LogSumExp(scores, partners);
        var counted = anchors.to(embeddings.dtype);
        Tensor? regularizer = EmbeddingRegularization > 0 ? embeddings.square().sum([1]).mean() * EmbeddingRegularization : null;
        return PairTerms.Of(((all - own) * counted).sum(), counted.sum(), constant: regularizer);
    }
}
