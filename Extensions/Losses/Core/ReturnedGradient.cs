using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Gradients that own functions have returned. torch adds the gradients of several losses in place where nobody else holds them; our hold on the last ones is
/// given up when the next are returned, so that a sum of losses needs no room for a third.
/// </summary>
internal static class ReturnedGradient
{
    [ThreadStatic]
    private static IReadOnlyList<Tensor?>? last;

    /// <summary>The gradient, to be returned.</summary>
    public static Tensor Keep(Tensor gradient)
    {
        Keep([gradient]);
        return gradient;
    }

    /// <summary>The gradients of several inputs, to be returned.</summary>
    public static void Keep(IReadOnlyList<Tensor?> gradients)
    {
        foreach (var gradient in last ?? [])
            gradient?.Dispose();
        last = gradients;
    }
}
