using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A floor under a predicted variance or scale, applied to its logarithm.</summary>
internal static class LogFloor
{
    /// <summary>
    /// log max(exp s, floor) without forming exp s. The floor is not differentiated: the gradient that reaches max(exp s, floor) goes on to
    /// s times exp s, as if nothing had been clamped, which for the logarithm is a slope of min(exp s / floor, 1).
    /// </summary>
    public static Tensor Of(Tensor s, double floor)
    {
        var low = Math.Log(floor);
        var wanted = KnownGradient.IsWanted(s);
        Tensor values;
        Tensor? slopes;
        using (no_grad())
        {
            values = s.clamp_min(low);
            slopes = wanted ? (s - low).clamp_max_(0).exp_() : null;
        }
        return KnownGradient.Attach(values, s, slopes);
    }
}
