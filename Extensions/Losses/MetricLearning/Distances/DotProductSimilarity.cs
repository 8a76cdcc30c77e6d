using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>s = x . y, a similarity of embeddings as they are. It grows with their length; for unit vectors take <see cref="CosineSimilarity"/>.</summary>
[DefinitionKind("distance", "Similarity")]
public sealed record DotProductSimilarity : Distance
{
    /// <inheritdoc/>
    public override bool IsSimilarity => true;

    /// <inheritdoc/>
    protected internal override Tensor Prepare(Tensor embeddings) => embeddings;

    /// <inheritdoc/>
    protected internal override Tensor All(Tensor anchors, Tensor partners) => anchors.mm(partners.t());

    /// <inheritdoc/>
    protected internal override Tensor Each(Tensor anchors, Tensor partners) => (anchors * partners).sum([1]);
}
