using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>d = |x - y|^Power. Of unit vectors it lies in [0, 2^Power]. Equal embeddings have gradient 0.</summary>
public sealed record EuclideanDistance : Distance
{
    /// <summary>Whether embeddings are divided by their length first. Default true.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>The power of the length; 2: squared Euclidean. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Power
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected internal override Tensor Prepare(Tensor embeddings) => Normalize ? Unit(embeddings) : embeddings;

    /// <inheritdoc/>
    protected internal override Tensor All(Tensor anchors, Tensor partners) => Raise(Lengths(anchors, partners));

    /// <inheritdoc/>
    protected internal override Tensor Each(Tensor anchors, Tensor partners) => Raise(Lengths(anchors - partners));

    private Tensor Raise(Tensor lengths)
    {
        if (Power == 1)
            return lengths;
        if (Power == 2)
            return lengths * lengths;
        // Below power 1 the slope at 0 is infinite.
        var equal = lengths.eq(0);
        return lengths.masked_fill(equal, 1).pow(Power).masked_fill(equal, 0);
    }
}
