using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// How far apart two embeddings are. In JSON a bare name (<c>"Cosine"</c>) or an object
/// (<c>{"distance": "Euclidean", "normalize": false, "power": 2}</c>). Similarities grow with closeness: formulas written for distances d then take
/// -s for d, and thresholds compare the other way.
/// </summary>
[DefinitionKind("distance", "Distance")]
public abstract record Distance : Definition
{
    private const long ProductFrom = 1 << 19;

    /// <summary>Whether larger is closer.</summary>
    public virtual bool IsSimilarity => false;

    /// <summary>Every row against every row.</summary>
    /// <param name="anchors">[N, D].</param>
    /// <param name="partners">[M, D]; may be the same tensor.</param>
    /// <returns>[N, M].</returns>
    public Tensor Matrix(Tensor anchors, Tensor partners)
    {
        var prepared = Prepare(anchors);
        return All(prepared, ReferenceEquals(anchors, partners) ? prepared : Prepare(partners));
    }

    /// <summary>Row by row.</summary>
    /// <param name="anchors">[P, D].</param>
    /// <param name="partners">[P, D].</param>
    /// <returns>[P].</returns>
    public Tensor Rows(Tensor anchors, Tensor partners) => Each(Prepare(anchors), Prepare(partners));

    /// <summary>What is done to embeddings before they are compared, such as dividing by their length.</summary>
    /// <param name="embeddings">[N, D].</param>
    protected internal abstract Tensor Prepare(Tensor embeddings);

    /// <summary>Prepared rows, every one against every one.</summary>
    /// <param name="anchors">[N, D].</param>
    /// <param name="partners">[M, D].</param>
    protected internal abstract Tensor All(Tensor anchors, Tensor partners);

    /// <summary>Prepared rows, one by one.</summary>
    /// <param name="anchors">[P, D].</param>
    /// <param name="partners">[P, D].</param>
    protected internal abstract Tensor Each(Tensor anchors, Tensor partners);

    /// <summary>A threshold of this distance as one of the dissimilarity that grows with distance.</summary>
    internal double Threshold(double value) => IsSimilarity ? -value : value;

    /// <summary>x / max(|x|, 1e-12).</summary>
    internal static Tensor Unit(Tensor embeddings) => nn.functional.normalize(embeddings, p: 2, dim: 1, eps: 1e-12);

    /// <summary>
    /// |x - y| of every pair; distance 0 has gradient 0. By differences, since 2 - 2 cos would lose half the digits of small distances; where many float32
    /// rows make that slow, by a matrix product of their float64 numbers, which has more digits than are needed.
    /// </summary>
    internal static Tensor Lengths(Tensor anchors, Tensor partners)
    {
        if (anchors.dtype != ScalarType.Float32 || anchors.shape[0] * partners.shape[0] * anchors.shape[1] < ProductFrom)
            return cdist(anchors, partners, 2, TorchSharp.compute_mode.donot_use_mm_for_euclid_dist);
        var x = anchors.to(ScalarType.Float64);
        var y = ReferenceEquals(anchors, partners) ? x : partners.to(ScalarType.Float64);
        var squares = x.square().sum([1], keepdim: true) + y.square().sum([1]);
        var between = addmm(squares, x, y.t(), beta: 1, alpha: -2);
        // By arithmetic, as in PairMask: choosing by a mask is slow on a CPU.
        var equal = between.detach().le(squares.detach() * 1e-14).to(x.dtype);
        var apart = 1 - equal;
        return (addcmul(equal, between, apart, 1).sqrt() * apart).to(anchors.dtype);
    }

    /// <summary>|x| of every row, with gradient 0 at 0.</summary>
    internal static Tensor Lengths(Tensor rows) => rows.norm(1);
}
