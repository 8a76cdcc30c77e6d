using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A box loss on the overlap of each pair. I: area of the intersection, 0 unless both its sides are positive; U: sum of the areas - I; C: area of the
/// smallest enclosing box; IoU = I / (U + e), e = <see cref="Epsilon"/>. Every value and gradient is finite for degenerate boxes: a point or line has area 0
/// and IoU 0. Where coordinates of both boxes are equal, max and min have a kink: each box gets half. The gradient is computed with the value; there is no
/// second derivative.
/// </summary>
public abstract record OverlapLoss : BoxLoss
{
    /// <summary>
    /// e, added to every denominator, in squared units of the boxes. Identical boxes of area A cost e / A instead of 0: keep boxes in pixels, or lower e
    /// for normalised coordinates. Default 1e-7, as in torchvision.
    /// </summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-7;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictedBoxes, Tensor targetBoxes, LossCall call)
    {
        var (values, byPredicted, byTarget) = Evaluate(predictedBoxes, targetBoxes);
        return new(KnownGradient.AttachRows(KnownGradient.AttachRows(values, predictedBoxes, byPredicted), targetBoxes, byTarget));
    }

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        var (predicted, targets) = Read(call);
        var count = predicted.shape[0];
        if (count == 0)
            return null;
        var (values, byPredicted, byTarget) = Evaluate(predicted, targets);
        var sum = KnownGradient.AttachSum(KnownGradient.AttachSum(values.sum(), predicted, byPredicted), targets, byTarget);
        return sum / count;
    }

    // Values [N] and their derivatives by both boxes [N, 4], off the graph.
    private (Tensor Values, Tensor? ByPredicted, Tensor? ByTarget) Evaluate(Tensor predictedBoxes, Tensor targetBoxes)
    {
        var (predicted, target) = (predictedBoxes.detach(), targetBoxes.detach());
        var values = empty(predicted.shape[0], dtype: predicted.dtype, device: predicted.device);
        var byPredicted = KnownGradient.IsWanted(predictedBoxes) ? empty_like(predicted) : null;
        var byTarget = KnownGradient.IsWanted(targetBoxes) ? empty_like(target) : null;
        var wantsSlopes = byPredicted is not null || byTarget is not null;
        Blocks.Run(
            values,
            values.shape[0],
            itemElements: 2,
            (start, count) =>
            {
                Tensor Part(Tensor rows) => rows.narrow(0, start, count);
                var pairs = new BoxPairs(Part(predicted).t().contiguous(), Part(target).t().contiguous(), Epsilon, wantsSlopes);
                Part(values).copy_(Measure(pairs));
                if (!wantsSlopes)
                    return;
                var slopes = pairs.Slopes(targets: byTarget is not null);
                if (byPredicted is not null)
                    Part(byPredicted).copy_(slopes.ByPredicted.t());
                if (byTarget is not null)
                    Part(byTarget).copy_(slopes.ByTarget!.t());
            }
        );
        return (values, byPredicted, byTarget);
    }

    /// <summary>The values [N]; says to the pairs how they depend on each measure. Runs without a graph.</summary>
    private protected abstract Tensor Measure(BoxPairs pairs);

    /// <summary>1 - IoU^power + sum of penalties^power.</summary>
    private protected static Tensor Sum(BoxPairs pairs, double power, params ReadOnlySpan<BoxMeasure> penalties)
    {
        var (value, slope) = Power(pairs.IoU, power);
        value = 1 - value;
        if (pairs.WantsSlopes)
            pairs.BackThroughIoU(-slope);
        foreach (var (penalty, back) in penalties)
        {
            (var addend, slope) = Power(penalty, power);
            value.add_(addend);
            if (pairs.WantsSlopes)
                back(slope);
        }
        return value;
    }

    // Below power 1 the slope at 0 is infinite; it counts as 0.
    private static (Tensor Value, Tensor Slope) Power(Tensor basis, double power)
    {
        if (power == 1)
            return (basis, tensor(1.0));
        var clamped = basis.clamp(min: 0);
        return (clamped.pow(power), clamped.pow(power - 1).mul_(power).masked_fill_(clamped.le(0), 0));
    }
}
