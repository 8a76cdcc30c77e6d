namespace Microsoft.ML;

/// <summary>What <see cref="MLContext"/> can do and keeps to itself.</summary>
public static class MLContextExtensions
{
    /// <summary>
    /// Tells everything that runs for this context to stop. A trainer that is running throws <see cref="OperationCanceledException"/>; the
    /// context cannot be used for training afterwards. To stop one trainer and keep its best model so far, use the cancellation token in
    /// its options.
    /// </summary>
    /// <param name="mlContext">The context.</param>
    /// <exception cref="ArgumentNullException"><paramref name="mlContext"/> is null.</exception>
    public static void CancelExecution(this MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        mlContext.CancelExecution();
    }
}
