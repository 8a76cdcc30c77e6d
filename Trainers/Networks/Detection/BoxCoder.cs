using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Networks;

/// <summary>From boxes to what a head predicts of them relative to anchors, and back.</summary>
internal abstract class BoxCoder
{
    /// <summary>How many numbers a head tells of a box.</summary>
    public virtual int Outputs => 4;

    /// <summary>The codes [P, 4] of boxes that a head tells by [P, <see cref="Outputs"/>].</summary>
    public virtual Tensor Codes(Tensor told) => told;

    /// <summary>The codes [P, 4] that a head should tell, for boxes and anchors [P, 4], x0 y0 x1 y1.</summary>
    public abstract Tensor Encode(Tensor boxes, Tensor anchors);

    /// <summary>The boxes [P, 4] that codes [P, 4] mean.</summary>
    public abstract Tensor Decode(Tensor codes, Tensor anchors);

    /// <summary>The box that <see cref="Outputs"/> numbers tell.</summary>
    public abstract (float X0, float Y0, float X1, float Y1) Decode(
        ReadOnlySpan<float> told,
        (float X0, float Y0, float X1, float Y1) anchor
    );

    protected static (Tensor Low, Tensor Size) Split(Tensor boxes)
    {
        var low = boxes.narrow(1, 0, 2);
        return (low, boxes.narrow(1, 2, 2) - low);
    }
}

/// <summary>
/// Offset of the centre in sides of the anchor and logarithms of the ratios of sides, each times its weight (Ren et al. 2015). Logarithms are cut at
/// ln(1000 / 16) on the way back, so that no box becomes infinite.
/// </summary>
internal sealed class OffsetCoder(float[] weights) : BoxCoder
{
    private static readonly float MaxLogarithm = (float)Math.Log(1000.0 / 16);
    private readonly bool weighted = weights.Any(weight => weight != 1);

    public override Tensor Encode(Tensor boxes, Tensor anchors)
    {
        using var scope = NewDisposeScope();
        var ((low, size), (anchorLow, anchorSize)) = (Split(boxes), Split(anchors));
        var offsets = (low + 0.5 * size - anchorLow - 0.5 * anchorSize) / anchorSize;
        var codes = cat([offsets, (size / anchorSize).log_()], 1);
        return scope.MoveToOuter(weighted ? codes.mul_(Weights(codes)) : codes);
    }

    public override Tensor Decode(Tensor codes, Tensor anchors)
    {
        using var scope = NewDisposeScope();
        var (anchorLow, anchorSize) = Split(anchors);
        var plain = weighted ? codes / Weights(codes) : codes;
        var centre = plain.narrow(1, 0, 2) * anchorSize + (anchorLow + 0.5 * anchorSize);
        var half = plain.narrow(1, 2, 2).clamp(max: MaxLogarithm).exp() * (0.5 * anchorSize);
        return scope.MoveToOuter(cat([centre - half, centre + half], 1));
    }

    public override (float X0, float Y0, float X1, float Y1) Decode(
        ReadOnlySpan<float> told,
        (float X0, float Y0, float X1, float Y1) anchor
    )
    {
        var (width, height) = (anchor.X1 - anchor.X0, anchor.Y1 - anchor.Y0);
        var x = told[0] / weights[0] * width + (anchor.X0 + 0.5f * width);
        var y = told[1] / weights[1] * height + (anchor.Y0 + 0.5f * height);
        var halfWidth = 0.5f * (MathF.Exp(MathF.Min(told[2] / weights[2], MaxLogarithm)) * width);
        var halfHeight = 0.5f * (MathF.Exp(MathF.Min(told[3] / weights[3], MaxLogarithm)) * height);
        return (x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight);
    }

    private Tensor Weights(Tensor like) => tensor(weights, like.dtype, like.device);
}

/// <summary>Distances of the left, top, right and bottom sides from the anchor's centre, in sides of the anchor (Tian et al. 2019).</summary>
internal sealed class DistanceCoder : BoxCoder
{
    public static readonly DistanceCoder Instance = new();

    public override Tensor Encode(Tensor boxes, Tensor anchors)
    {
        using var scope = NewDisposeScope();
        var (anchorLow, anchorSize) = Split(anchors);
        var centre = anchorLow + 0.5 * anchorSize;
        var distances = cat([centre - boxes.narrow(1, 0, 2), boxes.narrow(1, 2, 2) - centre], 1);
        return scope.MoveToOuter(distances / cat([anchorSize, anchorSize], 1));
    }

    public override Tensor Decode(Tensor codes, Tensor anchors)
    {
        using var scope = NewDisposeScope();
        var (anchorLow, anchorSize) = Split(anchors);
        var centre = anchorLow + 0.5 * anchorSize;
        return scope.MoveToOuter(cat([centre - codes.narrow(1, 0, 2) * anchorSize, centre + codes.narrow(1, 2, 2) * anchorSize], 1));
    }

    public override (float X0, float Y0, float X1, float Y1) Decode(
        ReadOnlySpan<float> told,
        (float X0, float Y0, float X1, float Y1) anchor
    )
    {
        var (width, height) = (anchor.X1 - anchor.X0, anchor.Y1 - anchor.Y0);
        var (x, y) = (0.5f * (anchor.X0 + anchor.X1), 0.5f * (anchor.Y0 + anchor.Y1));
        return (x - told[0] * width, y - told[1] * height, x + told[2] * width, y + told[3] * height);
    }
}

/// <summary>
/// Distances as <see cref="DistanceCoder"/> has them, each told by the logits of a distribution over the distances 0, 1, ..., bins - 1 and being its mean (Li et al.
/// 2020).
/// </summary>
internal sealed class DistributionCoder(int bins) : BoxCoder
{
    private const int Sides = 4;

    public override int Outputs => Sides * bins;

    /// <summary>The distributions [P, 4, bins] that [P, 4 x bins] hold.</summary>
    public Tensor Logits(Tensor told) => told.view(told.shape[0], Sides, bins);

    public override Tensor Codes(Tensor told)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.softmax(Logits(told), 2).matmul(arange(bins, told.dtype, told.device)));
    }

    public override Tensor Encode(Tensor boxes, Tensor anchors) => DistanceCoder.Instance.Encode(boxes, anchors);

    public override Tensor Decode(Tensor codes, Tensor anchors) => DistanceCoder.Instance.Decode(codes, anchors);

    public override (float X0, float Y0, float X1, float Y1) Decode(
        ReadOnlySpan<float> told,
        (float X0, float Y0, float X1, float Y1) anchor
    )
    {
        Span<float> distances = stackalloc float[Sides];
        for (var side = 0; side < Sides; side++)
            distances[side] = Mean(told.Slice(side * bins, bins));
        return DistanceCoder.Instance.Decode(distances, anchor);
    }

    private static float Mean(ReadOnlySpan<float> logits)
    {
        var highest = TensorPrimitives.Max(logits);
        var (sum, total) = (0f, 0f);
        for (var bin = 0; bin < logits.Length; bin++)
        {
            var share = MathF.Exp(logits[bin] - highest);
            (sum, total) = (sum + share, total + bin * share);
        }
        return total / sum;
    }
}
