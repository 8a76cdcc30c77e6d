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
        var pairs = new BoxPairs(predictedBoxes, targetBoxes, Epsilon);
        Tensor values;
        using (no_grad())
            values = Measure(pairs);
        return new(pairs.Attach(values));
    }

    /// <summary>The values [N]; says to the pairs how they depend on each measure. Runs without a graph.</summary>
    private protected abstract Tensor Measure(BoxPairs pairs);

    /// <summary>1 - IoU^power + sum of penalties^power.</summary>
    private protected static Tensor Sum(BoxPairs pairs, double power, params ReadOnlySpan<BoxMeasure> penalties)
    {
        var (value, slope) = Power(pairs.IoU, power);
        value = 1 - value;
        if (pairs.WantsGradient)
            pairs.BackThroughIoU(-slope);
        foreach (var (penalty, back) in penalties)
        {
            (var addend, slope) = Power(penalty, power);
            value.add_(addend);
            if (pairs.WantsGradient)
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
