using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>From boxes to what a head predicts of them relative to anchors, and back.</summary>
internal abstract class BoxCoder
{
    /// <summary>What a head should predict: [P, 4] for boxes and anchors [P, 4], x0 y0 x1 y1.</summary>
    public abstract Tensor Encode(Tensor boxes, Tensor anchors);

    /// <summary>The boxes [P, 4] that codes [P, 4] mean.</summary>
    public abstract Tensor Decode(Tensor codes, Tensor anchors);

    /// <summary>The box of one code.</summary>
    public abstract (float X0, float Y0, float X1, float Y1) Decode(
        ReadOnlySpan<float> code,
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
        ReadOnlySpan<float> code,
        (float X0, float Y0, float X1, float Y1) anchor
    )
    {
        var (width, height) = (anchor.X1 - anchor.X0, anchor.Y1 - anchor.Y0);
        var x = code[0] / weights[0] * width + (anchor.X0 + 0.5f * width);
        var y = code[1] / weights[1] * height + (anchor.Y0 + 0.5f * height);
        var halfWidth = 0.5f * (MathF.Exp(MathF.Min(code[2] / weights[2], MaxLogarithm)) * width);
        var halfHeight = 0.5f * (MathF.Exp(MathF.Min(code[3] / weights[3], MaxLogarithm)) * height);
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
        ReadOnlySpan<float> code,
        (float X0, float Y0, float X1, float Y1) anchor
    )
    {
        var (width, height) = (anchor.X1 - anchor.X0, anchor.Y1 - anchor.Y0);
        var (x, y) = (0.5f * (anchor.X0 + anchor.X1), 0.5f * (anchor.Y0 + anchor.Y1));
        return (x - code[0] * width, y - code[1] * height, x + code[2] * width, y + code[3] * height);
    }
}
