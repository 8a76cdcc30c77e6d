using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Pairs of boxes: what overlap losses measure of them, each measure once, and the way back from measures to coordinates. Works on rows of all x and all y,
/// [2, N], so that every operation runs over contiguous numbers; the backward pass is one multiplication (<see cref="KnownGradient"/>).
/// </summary>
internal sealed class BoxPairs
{
    private readonly Tensor predicted; // [4, N], on the graph
    private readonly Tensor target;
    private readonly bool predictedLearns;
    private readonly bool targetLearns;
    private readonly double epsilon;
    private readonly Tensor overlap; // sides of the intersection, [2, N]
    private readonly Tensor predictedSize;
    private readonly Tensor targetSize;
    private readonly Tensor lowDifference; // predicted - target
    private readonly Tensor highDifference;
    private readonly Tensor union; // + epsilon, [N]
    private Tensor? hull; // sides of the enclosing box, [2, N]

    // Derivatives of the loss by what the measures are made of.
    private Tensor? toOverlap;
    private Tensor? toUnion;
    private Tensor? toHull;
    private Tensor? toPredictedSize;
    private Tensor? toTargetSize;
    private Tensor? toCentre;

    public BoxPairs(Tensor predictedBoxes, Tensor targetBoxes, double epsilon)
    {
        this.epsilon = epsilon;
        (predicted, target) = (predictedBoxes.t().contiguous(), targetBoxes.t().contiguous());
        (predictedLearns, targetLearns) = (KnownGradient.IsWanted(predicted), KnownGradient.IsWanted(target));
        using var frozen = no_grad();
        var (low, high) = Corners(predicted);
        var (targetLow, targetHigh) = Corners(target);
        (Low, High, TargetLow, TargetHigh) = (low, high, targetLow, targetHigh);
        (lowDifference, highDifference) = (low - targetLow, high - targetHigh);
        (predictedSize, targetSize) = (high - low, targetHigh - targetLow);
        overlap = minimum(high, targetHigh).sub_(maximum(low, targetLow)).relu_();
        var intersection = Area(overlap);
        union = Area(predictedSize).addcmul_(targetSize[0], targetSize[1], 1).sub_(intersection).add_(epsilon);
        IoU = intersection.div_(union);
    }

    private Tensor Low { get; }
    private Tensor High { get; }
    private Tensor TargetLow { get; }
    private Tensor TargetHigh { get; }

    /// <summary>Whether measures have to be told how the loss depends on them.</summary>
    public bool WantsGradient => predictedLearns || targetLearns;

    /// <summary>I / (U + e), [N].</summary>
    public Tensor IoU { get; }

    private Tensor Hull => hull ??= maximum(High, TargetHigh).sub_(minimum(Low, TargetLow));

    /// <summary>Tells that the loss depends on the IoU.</summary>
    /// <param name="slope">dloss/dIoU: [N] or a number.</param>
    public void BackThroughIoU(Tensor slope)
    {
        var byIntersection = slope / union; // at fixed U
        Add(ref toUnion, (byIntersection * IoU).neg_());
        Add(ref toOverlap, Swap(overlap) * byIntersection);
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
        var centre = (lowDifference + highDifference).mul_(0.5);
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

    /// <summary>Puts values on the graph, with the derivatives told so far.</summary>
    /// <param name="values">[N].</param>
    public Tensor Attach(Tensor values)
    {
        if (!WantsGradient)
            return values;
        Tensor? byPredicted = null;
        Tensor? byTarget = null;
        using (no_grad())
        {
            if (toUnion is not null)
            {
                Add(ref toOverlap, Swap(overlap) * -toUnion);
                Add(ref toPredictedSize, Swap(predictedSize) * toUnion);
                Add(ref toTargetSize, Swap(targetSize) * toUnion);
            }
            var shared = toOverlap is null ? null : toOverlap.mul_(overlap.gt(0)); // a side of 0 has no slope
            if (predictedLearns)
                byPredicted = ByCoordinates(shared, toPredictedSize, 1);
            if (targetLearns)
                byTarget = ByCoordinates(shared, toTargetSize, -1);
        }
        if (byPredicted is not null)
            values = KnownGradient.AttachColumns(values, predicted, byPredicted);
        return byTarget is null ? values : KnownGradient.AttachColumns(values, target, byTarget);
    }

    // min(a, b) depends on a by (1 - sign(a - b)) / 2 and max(a, b) by (1 + sign(a - b)) / 2: half at a tie. The high side of the intersection is a minimum,
    // that of the hull a maximum; the low sides the other way round and with the opposite sign.
    private Tensor ByCoordinates(Tensor? byOverlap, Tensor? bySize, int side)
    {
        var zero = zeros_like(overlap);
        var (o, h) = (byOverlap ?? zero, toHull ?? zero);
        var sum = o + h;
        var difference = (h - o).mul_(side);
        var high = (highDifference.sign() * difference).add_(sum);
        var low = (lowDifference.sign() * difference).sub_(sum);
        if (toCentre is not null)
        {
            high.add_(toCentre, side);
            low.add_(toCentre, side);
        }
        high.mul_(0.5);
        low.mul_(0.5);
        if (bySize is not null)
        {
            high.add_(bySize);
            low.sub_(bySize);
        }
        return cat(new Tensor[] { low, high }, 0);
    }

    private static (Tensor Low, Tensor High) Corners(Tensor boxes)
    {
        var all = boxes.detach();
        return (all.narrow(0, 0, 2), all.narrow(0, 2, 2));
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
