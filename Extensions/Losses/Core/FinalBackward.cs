using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A backward pass after which its graph is not needed. torch frees what its own operations have saved as soon as they are differentiated, but TorchSharp holds
/// what own functions have saved until the graph is gone: for a detector's head that is a quarter of all that a step holds. In such a pass they let go of it.
/// </summary>
internal static class FinalBackward
{
    [ThreadStatic]
    private static bool running;

    /// <summary>Differentiates for the last time.</summary>
    /// <param name="loss">On the graph.</param>
    /// <param name="gradient">That of the loss, of its shape; null: 1.</param>
    public static void Run(Tensor loss, Tensor? gradient = null)
    {
        var before = running;
        running = true;
        try
        {
            if (gradient is null)
                loss.backward();
            else
                loss.backward([gradient]);
        }
        finally
        {
            running = before;
        }
    }

    /// <summary>To be called by a function when it has its gradient: what it saved is freed if nobody will ask again.</summary>
    public static void Free(autograd.AutogradContext context)
    {
        if (running)
            context.Dispose();
    }
}
