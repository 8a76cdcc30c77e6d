using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>SuperLoss's arithmetic: the confidence that minimises a sample's cost, by Lambert's function, on the device.</summary>
internal static class SuperConfidence
{
    /// <summary>(l - tau) sigma + lambda (log sigma)^2 with the best sigma, which is held constant: the slope is sigma, by the envelope theorem.</summary>
    public static Tensor Terms(Tensor losses, double tau, double lambda)
    {
        var excess = losses - tau;
        Tensor logSigma;
        using (no_grad())
            logSigma = -Lambert(excess.detach() / (2 * lambda));
        return excess * logSigma.exp() + lambda * logSigma.square();
    }

    /// <summary>W(max(-1/e, y)), the branch above -1.</summary>
    public static Tensor Lambert(Tensor y)
    {
        using var scope = NewDisposeScope();
        // At the branch point the iteration divides 0 by 0, and rounding below it is NaN: decided first.
        var end = y.le(-1 / Math.E);
        y = y.masked_fill(end, 0);
        var w = where(y.ge(0), y.clamp(min: 0).log1p(), (2 * (Math.E * y.clamp(max: 0) + 1)).clamp(min: 0).sqrt() - 1);
        for (var i = 0; i < 6; i++)
        {
            using var step = NewDisposeScope();
            var power = w.exp();
            var off = w * power - y;
            var rise = (w + 1).clamp(min: 1e-12);
            w.sub_(off / (power * rise - (w + 2) * off / (2 * rise)));
        }
        return w.masked_fill_(end, -1).MoveToOuterDisposeScope();
    }
}
