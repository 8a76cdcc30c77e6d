using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A floor under a predicted variance or scale, applied to its logarithm.</summary>
internal static class LogFloor
{
    /// <summary>
    /// log max(exp s, floor) without forming exp s. The floor is not differentiated: the gradient that reaches max(exp s, floor) goes on to s times
    /// exp s, as if nothing had been clamped.
    /// </summary>
    public static Tensor Of(Tensor s, double floor)
    {
        var low = Math.Log(floor);
        var below = where(s.lt(low), (s.clamp_max(low) - low).exp(), 0);
        return s.clamp_min(low) + (below - below.detach());
    }
}
