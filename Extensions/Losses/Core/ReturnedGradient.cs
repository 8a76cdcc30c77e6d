using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Gradients that own functions have returned. torch adds the gradients of several losses in place where nobody else holds them; our hold on the last one is
/// given up when the next is returned, so that a sum of losses needs no room for a third.
/// </summary>
internal static class ReturnedGradient
{
    [ThreadStatic]
    private static Tensor? last;

    /// <summary>The gradient, to be returned.</summary>
    public static Tensor Keep(Tensor gradient)
    {
        last?.Dispose();
        return last = gradient;
    }
}
