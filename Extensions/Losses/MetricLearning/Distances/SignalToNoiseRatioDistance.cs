using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// d = Var(x - y) / max(Var(x), 1e-12), variances over the D &gt;= 2 features; x is the anchor, so d(x, y) and d(y, x) differ. Yuan et al. 2019.
/// </summary>
public sealed record SignalToNoiseRatioDistance : Distance
{
    /// <summary>Whether embeddings are divided by their length first. Default true.</summary>
    public bool Normalize { get; init; } = true;

    /// <inheritdoc/>
    protected internal override Tensor Prepare(Tensor embeddings)
    {
        if (embeddings.shape[1] < 2)
            throw new ArgumentException(
                $"{Name}: a variance needs embeddings of at least 2 features; they are {Shapes.Text(embeddings)}.",
                nameof(embeddings)
            );
        var scaled = Normalize ? Unit(embeddings) : embeddings;
        return scaled - scaled.mean([1], keepdim: true);
    }

    /// <inheritdoc/>
    protected internal override Tensor All(Tensor anchors, Tensor partners)
    {
        var lengths = Lengths(anchors, partners);
        return lengths * lengths / Variance(anchors).mul(anchors.shape[1] - 1).unsqueeze(1);
    }

    /// <inheritdoc/>
    protected internal override Tensor Each(Tensor anchors, Tensor partners) =>
        (anchors - partners).square().sum([1]) / Variance(anchors).mul(anchors.shape[1] - 1);

    private static Tensor Variance(Tensor centred) => centred.square().sum([1]).div(centred.shape[1] - 1).clamp(min: 1e-12);
}
