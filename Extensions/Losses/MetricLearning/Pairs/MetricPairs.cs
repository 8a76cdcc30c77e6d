using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Anchors [N, D] against partners [M, D]: who is a positive or negative of whom, and their distances, each made once.</summary>
internal sealed class MetricPairs
{
    private readonly Dictionary<Distance, Tensor> matrices = [];
    private readonly Dictionary<Distance, (Tensor Anchors, Tensor Partners)> prepared = [];
    private readonly bool onGraph = is_grad_enabled(); // what is made serves miners, which turn it off, and the loss

    public MetricPairs(Tensor anchors, Tensor anchorLabels, Tensor? references, Tensor? referenceLabels, Tensor? own, Tensor? counted)
    {
        (Anchors, AnchorLabels) = (anchors, anchorLabels);
        Partners = references ?? anchors;
        var positives = anchorLabels.unsqueeze(1).eq((referenceLabels ?? anchorLabels).unsqueeze(0));
        var negatives = positives.logical_not();
        if (references is null)
            positives.diagonal().fill_(false);
        else if (own is not null)
            positives.scatter_(1, own.unsqueeze(1), zeros(own.shape[0], 1, dtype: ScalarType.Bool, device: own.device));
        if (counted is not null)
        {
            positives.logical_and_(counted);
            negatives.logical_and_(counted);
        }
        (Positives, Negatives) = (new(positives, anchors.dtype), new(negatives, anchors.dtype));
    }

    /// <summary>[N, D], on the graph.</summary>
    public Tensor Anchors { get; }

    /// <summary>int64 [N].</summary>
    public Tensor AnchorLabels { get; }

    /// <summary>[M, D]; the anchors themselves where no references are given.</summary>
    public Tensor Partners { get; }

    /// <summary>Of the same class and not the anchor itself, [N, M].</summary>
    public PairMask Positives { get; }

    /// <summary>Of another class, [N, M].</summary>
    public PairMask Negatives { get; }

    /// <summary>Whether the anchors are their own partners.</summary>
    public bool InBatch => ReferenceEquals(Anchors, Partners);

    /// <summary>d, or s of a similarity, of every anchor and partner: [N, M], on the graph.</summary>
    public Tensor Matrix(Distance distance)
    {
        if (matrices.TryGetValue(distance, out var made))
            return made;
        using (set_grad_enabled(onGraph))
        {
            var (anchors, partners) = Prepared(distance);
            return matrices[distance] = distance.All(anchors, partners);
        }
    }

    /// <summary>d, or -s of a similarity, of every anchor and partner: [N, M], on the graph.</summary>
    public Tensor Dissimilarity(Distance distance) => Signed(distance, Matrix(distance));

    /// <summary>The same off the graph.</summary>
    public Tensor Frozen(Distance distance) => Signed(distance, Matrix(distance).detach());

    /// <summary>The dissimilarity of every two partners, [M, M], on the graph.</summary>
    public Tensor OfPartners(Distance distance)
    {
        if (InBatch)
            return Dissimilarity(distance);
        var partners = Prepared(distance).Partners;
        return Signed(distance, distance.All(partners, partners));
    }

    /// <summary>The dissimilarity of anchors and partners named by their rows, [T].</summary>
    /// <param name="distance">d.</param>
    /// <param name="anchors">[T]; null: every anchor in turn.</param>
    /// <param name="partners">[T].</param>
    public Tensor Rows(Distance distance, Tensor? anchors, Tensor partners)
    {
        var (a, p) = Prepared(distance);
        if (anchors is not null && partners.shape[0] >= a.shape[0] * p.shape[0]) // as many as there are pairs
            return Dissimilarity(distance).take(anchors * p.shape[0] + partners);
        return Signed(distance, distance.Each(anchors is null ? a : a.index_select(0, anchors), p.index_select(0, partners)));
    }

    /// <summary>The dissimilarity of partners named by their rows, [T].</summary>
    public Tensor RowsOfPartners(Distance distance, Tensor first, Tensor second)
    {
        var p = Prepared(distance).Partners;
        if (first.shape[0] >= p.shape[0] * p.shape[0])
            return OfPartners(distance).take(first * p.shape[0] + second);
        return Signed(distance, distance.Each(p.index_select(0, first), p.index_select(0, second)));
    }

    /// <summary>The distance of losses that are defined on cosines.</summary>
    public static CosineSimilarity Cosine { get; } = new();

    /// <summary>Cosines of every anchor and partner, [N, M], on the graph.</summary>
    public Tensor Cosines() => Matrix(Cosine);

    private (Tensor Anchors, Tensor Partners) Prepared(Distance distance)
    {
        if (prepared.TryGetValue(distance, out var made))
            return made;
        using (set_grad_enabled(onGraph))
        {
            var anchors = distance.Prepare(Anchors);
            return prepared[distance] = (anchors, InBatch ? anchors : distance.Prepare(Partners));
        }
    }

    private static Tensor Signed(Distance distance, Tensor values) => distance.IsSimilarity ? values.neg() : values;
}
