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
        var (values, byPredicted, byTarget) = OverlapValues.Of(Formula(), predictedBoxes, targetBoxes);
        return new(KnownGradient.AttachRows(KnownGradient.AttachRows(values, predictedBoxes, byPredicted), targetBoxes, byTarget));
    }

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        var (predicted, targets) = Read(call);
        var count = predicted.shape[0];
        if (count == 0)
            return null;
        var (values, byPredicted, byTarget) = OverlapValues.Of(Formula(), predicted, targets);
        var sum = KnownGradient.AttachSum(KnownGradient.AttachSum(values.sum(), predicted, byPredicted), targets, byTarget);
        return sum / count;
    }

    /// <summary>What is computed of each pair.</summary>
    internal abstract OverlapFormula Formula();
}
