using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Gradients that own functions have returned. torch adds the gradients of several losses in place where nobody else holds them; our hold on the last one is
/// given up before the next is made, so that a sum of losses needs no room for a third.
/// </summary>
internal static class ReturnedGradient
{
    [ThreadStatic]
    private static Tensor? last;

    /// <summary>Gives up the gradient that this thread returned before.</summary>
    public static void Release()
    {
        last?.Dispose();
        last = null;
    }

    /// <summary>The gradient, to be returned.</summary>
    public static Tensor Keep(Tensor gradient)
    {
        Release();
        return last = gradient;
    }
}
