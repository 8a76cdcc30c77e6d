using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>(1 - p)^gamma (-log p) as a curve over a cost or a logit, with a derivative that is finite everywhere.</summary>
internal static class FocalCurve
{
    /// <summary>The least normal number of single precision, which keeps 0 from a negative power and from a denominator.</summary>
    public const double Tiny = 1.2e-38;

    /// <summary>Over costs n = -log p: (1 - exp(-n))^gamma n.</summary>
    public static Tensor OfCost(Tensor cost, double gamma)
    {
        if (gamma == 0)
            return cost;
        var miss = ClassScores.Miss(cost);
        // A power below 1 has an infinite slope at 0, where the cost that multiplies it is 0: 0 there.
        return (gamma < 1 ? miss.clamp_min(Tiny).pow(gamma) : BinaryCosts.Power(miss, gamma)) * cost;
    }

    /// <summary>Over logits z away from the truth: sigmoid(z)^gamma softplus(z), its derivative computed along with it.</summary>
    public static Tensor OfAway(Tensor away, double gamma)
    {
        (Tensor Values, Tensor? Slopes) curve;
        var wanted = KnownGradient.IsWanted(away);
        using (no_grad())
            curve = BinaryCosts.Modulated(away.detach(), gamma, wanted);
        return KnownGradient.Attach(curve.Values, away, curve.Slopes);
    }
}
