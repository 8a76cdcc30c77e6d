using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Anchors [N, D] against partners [M, D]: who is a positive or negative of whom, and their distances, each made once.</summary>
internal sealed class MetricPairs
{
    private readonly Dictionary<Distance, Tensor> matrices = [];
    private readonly bool onGraph = is_grad_enabled(); // matrices serve miners, which turn it off, and the loss
    private Tensor? cosines;

    public MetricPairs(Tensor anchors, Tensor anchorLabels, Tensor? references, Tensor? referenceLabels, Tensor? own, Tensor? counted)
    {
        (Anchors, AnchorLabels) = (anchors, anchorLabels);
        Partners = references ?? anchors;
        Positives = anchorLabels.unsqueeze(1).eq((referenceLabels ?? anchorLabels).unsqueeze(0));
        Negatives = Positives.logical_not();
        if (references is null)
            Positives.diagonal().fill_(false);
        else if (own is not null)
            Positives.scatter_(1, own.unsqueeze(1), zeros(own.shape[0], 1, dtype: ScalarType.Bool, device: own.device));
        if (counted is not null)
        {
            Positives.logical_and_(counted);
            Negatives.logical_and_(counted);
        }
    }

    /// <summary>[N, D], on the graph.</summary>
    public Tensor Anchors { get; }

    /// <summary>int64 [N].</summary>
    public Tensor AnchorLabels { get; }

    /// <summary>[M, D]; the anchors themselves where no references are given.</summary>
    public Tensor Partners { get; }

    /// <summary>Of the same class and not the anchor itself, [N, M].</summary>
    public Tensor Positives { get; }

    /// <summary>Of another class, [N, M].</summary>
    public Tensor Negatives { get; }

    /// <summary>Whether the anchors are their own partners.</summary>
    public bool InBatch => ReferenceEquals(Anchors, Partners);

    /// <summary>d, or -s of a similarity, of every anchor and partner: [N, M], on the graph.</summary>
    public Tensor Dissimilarity(Distance distance)
    {
        if (matrices.TryGetValue(distance, out var made))
            return made;
        using (set_grad_enabled(onGraph))
            made = Signed(distance, distance == Cosine ? Cosines() : distance.Matrix(Anchors, Partners));
        return matrices[distance] = made;
    }

    /// <summary>The same off the graph.</summary>
    public Tensor Frozen(Distance distance) => Dissimilarity(distance).detach();

    /// <summary>The dissimilarity of every two partners, [M, M].</summary>
    public Tensor OfPartners(Distance distance) =>
        InBatch ? Dissimilarity(distance) : Signed(distance, distance.Matrix(Partners, Partners));

    /// <summary>The dissimilarity of anchors and partners named by their rows, [T].</summary>
    public Tensor Rows(Distance distance, Tensor anchors, Tensor partners) =>
        Signed(distance, distance.Rows(Anchors.index_select(0, anchors), Partners.index_select(0, partners)));

    /// <summary>The dissimilarity of partners named by their rows, [T].</summary>
    public Tensor RowsOfPartners(Distance distance, Tensor first, Tensor second) =>
        Signed(distance, distance.Rows(Partners.index_select(0, first), Partners.index_select(0, second)));

    /// <summary>The distance of losses that are defined on cosines.</summary>
    public static CosineSimilarity Cosine { get; } = new();

    /// <summary>Cosines of every anchor and partner, [N, M], on the graph.</summary>
    public Tensor Cosines()
    {
        using (set_grad_enabled(onGraph))
            return cosines ??= Cosine.Matrix(Anchors, Partners);
    }

    private static Tensor Signed(Distance distance, Tensor values) => distance.IsSimilarity ? values.neg() : values;
}
