using TorchSharp;
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
    /// |x - y| of every pair; distance 0 has gradient 0. By differences, or, where many float32 rows on another device than the CPU make that slow, by a product in
    /// double precision.
    /// </summary>
    internal static Tensor Lengths(Tensor anchors, Tensor partners) =>
        anchors.device_type == DeviceType.CPU ? PairLengths.Of(anchors, partners)
        : anchors.dtype == ScalarType.Float32 && anchors.shape[0] * partners.shape[0] * anchors.shape[1] >= ProductFrom
            ? ProductLengths.Of(anchors, partners)
        : cdist(anchors, partners, 2, compute_mode.donot_use_mm_for_euclid_dist);

    /// <summary>|x| of every row, with gradient 0 at 0.</summary>
    internal static Tensor Lengths(Tensor rows) => rows.norm(1);
}
