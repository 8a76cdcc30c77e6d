using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Targets' scores that margin losses share.</summary>
internal static class MarginTarget
{
    /// <summary>cos - margin.</summary>
    public static TargetScore Additive(Tensor cosines, double margin) => new(cosines - margin, ones_like(cosines));

    /// <summary>
    /// cos(t + m) of the angle t. Beyond t = pi - m, where it would rise again: cos t - m sin m; with the easy margin the plain cosine from t = pi/2 on.
    /// </summary>
    /// <param name="cosines">[N].</param>
    /// <param name="margin">m, [N] or a number.</param>
    /// <param name="easy">Whether to take the easy margin.</param>
    /// <returns>The score, its slope, and in place of the slope by length that by m.</returns>
    public static TargetScore Angular(Tensor cosines, Tensor margin, bool easy)
    {
        var (cosMargin, sinMargin) = (margin.cos(), margin.sin());
        var sines = ((1 - cosines) * (1 + cosines)).relu_().sqrt_();
        var flat = sines.eq(0);
        // At an angle of 0 the slope is infinite; it counts as cos m.
        var steep = cosines * sinMargin / sines.masked_fill(flat, 1);
        var inside = cosines.gt(easy ? zeros_like(cosMargin) : -cosMargin);
        var rotated = cosines * cosMargin - sines * sinMargin;
        var rotatedByMargin = -(sines * cosMargin + cosines * sinMargin);
        var beyond = easy ? cosines : cosines - margin * sinMargin;
        var beyondByMargin = easy ? zeros_like(rotatedByMargin) : -(sinMargin + margin * cosMargin);
        return new(
            where(inside, rotated, beyond),
            where(inside, steep.masked_fill_(flat, 0).add_(cosMargin), ones_like(cosines)),
            where(inside, rotatedByMargin, beyondByMargin)
        );
    }
}
