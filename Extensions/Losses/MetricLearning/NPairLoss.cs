using TorchSharp;
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
        var (sum, count) = embeddings.device_type == DeviceType.CPU ? OfPairs(embeddings, labels) : OfBatch(embeddings, labels);
        Tensor? regularizer = EmbeddingRegularization > 0 ? embeddings.square().sum([1]).mean() * EmbeddingRegularization : null;
        return PairTerms.Of(sum, count, constant: regularizer);
    }

    // The rows that are compared are known here without waiting: of a batch with many samples a class they are few.
    internal (Tensor Sum, Tensor Count) OfPairs(Tensor embeddings, Tensor labels)
    {
        var found = new Dictionary<long, (int First, int Second)>();
        var classes = labels.data<long>().ToArray();
        for (var i = 0; i < classes.Length; i++)
            if (!found.TryGetValue(classes[i], out var rows))
                found[classes[i]] = (i, -1);
            else if (rows.Second < 0)
                found[classes[i]] = (rows.First, i);
        var pairs = found.Values.Where(rows => rows.Second >= 0).ToArray();
        if (pairs.Length == 0)
            return (embeddings.sum() * 0, zeros(1, embeddings.dtype).squeeze());
        Tensor Rows(Func<(int First, int Second), int> which) =>
            embeddings.index_select(0, tensor(pairs.Select(pair => (long)which(pair)).ToArray()));
        var scores = Distance.Matrix(Rows(pair => pair.First), Rows(pair => pair.Second));
        return ((RowLogSums.Of(scores) - scores.diagonal()).sum(), tensor((double)pairs.Length, embeddings.dtype));
    }

    internal (Tensor Sum, Tensor Count) OfBatch(Tensor embeddings, Tensor labels)
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
        return (((all - own) * counted).sum(), counted.sum());
    }
}
