using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Pairs of boxes: what overlap losses measure of them, each measure once, and the way back from measures to coordinates. Works on rows of all x and all y,
/// [2, N], so that every operation runs over contiguous numbers. Off the graph.
/// </summary>
internal sealed class BoxPairs
{
    private readonly double epsilon;
    private readonly Tensor low; // of the predicted boxes, [2, N]
    private readonly Tensor high;
    private readonly Tensor targetLow;
    private readonly Tensor targetHigh;
    private readonly Tensor overlap; // sides of the intersection, [2, N]
    private readonly Tensor predictedSize;
    private readonly Tensor targetSize;
    private readonly Tensor union; // + epsilon, [N]
    private Tensor? hull; // sides of the enclosing box, [2, N]

    // Derivatives of the loss by what the measures are made of.
    private Tensor? toIntersection;
    private Tensor? toUnion;
    private Tensor? toHull;
    private Tensor? toPredictedSize;
    private Tensor? toTargetSize;
    private Tensor? toCentre;

    /// <param name="predicted">[4, N]: rows of x0, y0, x1, y1.</param>
    /// <param name="target">[4, N].</param>
    /// <param name="epsilon">Added to denominators.</param>
    /// <param name="wantsSlopes">Whether measures shall be told how the loss depends on them.</param>
    public BoxPairs(Tensor predicted, Tensor target, double epsilon, bool wantsSlopes)
    {
        (this.epsilon, WantsSlopes) = (epsilon, wantsSlopes);
        (low, high) = (predicted.narrow(0, 0, 2), predicted.narrow(0, 2, 2));
        (targetLow, targetHigh) = (target.narrow(0, 0, 2), target.narrow(0, 2, 2));
        (predictedSize, targetSize) = (high - low, targetHigh - targetLow);
        overlap = minimum(high, targetHigh).sub_(maximum(low, targetLow)).relu_();
        var intersection = Area(overlap);
        union = Area(predictedSize).addcmul_(targetSize[0], targetSize[1], 1).sub_(intersection).add_(epsilon);
        IoU = intersection.div_(union);
    }

    /// <summary>Whether measures have to be told how the loss depends on them.</summary>
    public bool WantsSlopes { get; }

    /// <summary>I / (U + e), [N].</summary>
    public Tensor IoU { get; }

    private Tensor Hull => hull ??= maximum(high, targetHigh).sub_(minimum(low, targetLow));

    /// <summary>Tells that the loss depends on the IoU.</summary>
    /// <param name="slope">dloss/dIoU: [N] or a number.</param>
    public void BackThroughIoU(Tensor slope)
    {
        var byIntersection = slope / union; // at fixed U
        Add(ref toUnion, (byIntersection * IoU).neg_());
        Add(ref toIntersection, byIntersection);
    }

    /// <summary>(area C - U) / (area C + e), the empty part of the enclosing box, [N].</summary>
    public BoxMeasure HullExcess()
    {
        var area = Area(Hull);
        var divisor = area + epsilon;
        return new(
            (area + epsilon).sub_(union).div_(divisor),
            slope =>
            {
                var byUnion = slope / divisor;
                Add(ref toUnion, -byUnion);
                Add(ref toHull, Swap(Hull) * byUnion.mul_(union).div_(divisor));
            }
        );
    }

    /// <summary>Squared distance of the centres over the squared diagonal of the enclosing box, [N].</summary>
    public BoxMeasure CentreDistance()
    {
        var centre = (low + high).sub_(targetLow).sub_(targetHigh).mul_(0.5);
        var divisor = Hull.square().sum([0]).add_(epsilon);
        var value = centre.square().sum([0]).div_(divisor);
        return new(
            value,
            slope =>
            {
                var scaled = slope * 2 / divisor;
                Add(ref toCentre, centre * scaled);
                Add(ref toHull, Hull * (scaled * value).neg_());
            }
        );
    }

    /// <summary>Squared differences of width and height over the squared sides of the enclosing box, summed, [N].</summary>
    public BoxMeasure SideDistance()
    {
        var difference = predictedSize - targetSize;
        var ratio = difference / Hull.square().add_(epsilon);
        return new(
            (difference * ratio).sum([0]),
            slope =>
            {
                var scaled = ratio * (slope * 2);
                Add(ref toHull, (scaled * ratio * Hull).neg_());
                Add(ref toTargetSize, -scaled);
                Add(ref toPredictedSize, scaled);
            }
        );
    }

    /// <summary>a v of complete IoU, a held constant: v = 4/pi^2 (difference of the diagonals' angles)^2, 0 where a side is 0; a = v / (1 - IoU + v + e), [N].</summary>
    public BoxMeasure AspectDifference()
    {
        const double scale = 4 / (Math.PI * Math.PI);
        var shaped = minimum(Area(predictedSize), Area(targetSize)).gt(0);
        var difference = Angle(targetSize).sub_(Angle(predictedSize)).masked_fill_(shaped.logical_not(), 0);
        var aspect = difference.square().mul_(scale);
        var trade = aspect / (1 + epsilon - IoU + aspect);
        return new(
            trade * aspect,
            slope =>
            {
                var byAngle = slope * trade * difference * (2 * scale);
                Add(ref toTargetSize, AngleSlope(targetSize) * byAngle);
                Add(ref toPredictedSize, AngleSlope(predictedSize) * byAngle.neg_());
            }
        );
    }

    /// <summary>The derivatives by the predicted and the target coordinates, each [4, N], once the loss has told how it depends on its measures.</summary>
    public (Tensor ByPredicted, Tensor? ByTarget) Slopes(bool targets)
    {
        // The union is what the sizes make of it less the intersection; a side of the intersection that is 0 has no slope.
        var byOverlap = Swap(overlap).mul_(toIntersection! - toUnion!).mul_(overlap.sign());
        Add(ref toPredictedSize, Swap(predictedSize).mul_(toUnion!));
        if (targets)
            Add(ref toTargetSize, Swap(targetSize).mul_(toUnion!));
        // min(a, b) depends on a by (1 - sign(a - b)) / 2 and max(a, b) by (1 + sign(a - b)) / 2: half at a tie. The high side of the intersection is a
        // minimum, that of the hull a maximum; the low sides the other way round and with the opposite sign.
        var sum = toHull is null ? byOverlap : byOverlap + toHull;
        var difference = toHull is null ? byOverlap.neg() : toHull - byOverlap;
        var highShare = (high - targetHigh).sign_().mul_(difference);
        var lowShare = (low - targetLow).sign_().mul_(difference);
        return (ByCoordinates(toPredictedSize, 1), targets ? ByCoordinates(toTargetSize, -1) : null);

        Tensor ByCoordinates(Tensor? bySize, int side)
        {
            var byHigh = sum.add(highShare, side);
            var byLow = (lowShare * side).sub_(sum);
            if (toCentre is not null)
            {
                byHigh.add_(toCentre, side);
                byLow.add_(toCentre, side);
            }
            byHigh.mul_(0.5);
            byLow.mul_(0.5);
            if (bySize is not null)
            {
                byHigh.add_(bySize);
                byLow.sub_(bySize);
            }
            return cat(new Tensor[] { byLow, byHigh }, 0);
        }
    }

    private static Tensor Area(Tensor size) => size[0] * size[1];

    private static Tensor Swap(Tensor size) => size.flip(0);

    private static Tensor Angle(Tensor size) => atan2(size[0], size[1]);

    private static Tensor AngleSlope(Tensor size)
    {
        var slope = Swap(size).div_(size.square().sum([0]).clamp_(min: 1e-30));
        slope[1].neg_();
        return slope;
    }

    private static void Add(ref Tensor? sum, Tensor addend) => sum = sum is null ? addend : sum.add_(addend);
}

/// <summary>A measure of box pairs, and the way back from it.</summary>
/// <param name="Value">[N].</param>
/// <param name="Back">Tells the pairs dloss/dmeasure, [N] or a number.</param>
internal readonly record struct BoxMeasure(Tensor Value, Action<Tensor> Back);
