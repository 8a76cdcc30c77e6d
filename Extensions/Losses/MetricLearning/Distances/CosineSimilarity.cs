using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>s = x . y / (|x| |y|) in [-1, 1], a similarity.</summary>
[DefinitionKind("distance", "Similarity")]
public sealed record CosineSimilarity : Distance
{
    /// <inheritdoc/>
    public override bool IsSimilarity => true;

    /// <inheritdoc/>
    protected internal override Tensor Prepare(Tensor embeddings) => Unit(embeddings);

    /// <inheritdoc/>
    protected internal override Tensor All(Tensor anchors, Tensor partners) => anchors.mm(partners.t());

    /// <inheritdoc/>
    protected internal override Tensor Each(Tensor anchors, Tensor partners) => (anchors * partners).sum([1]);
}
