namespace MLNetLosses.Training;

/// <summary>
/// The one training loop of every task. It knows networks, losses, optimizers and batches, and nothing of ML.NET. With the same seed, data,
/// number of threads and machine it gives the same network bit for bit on the CPU, also when it was interrupted and resumed.
/// </summary>
public static class TrainingLoop
{
    /// <summary>
    /// Trains, validates and keeps checkpoints until the epochs are done, the metric stops improving, or the token is cancelled.
    /// </summary>
    /// <param name="job">What to train, on what, and how.</param>
    /// <param name="cancellation">
    /// Stops within one step. No exception: the network then holds the best validated weights so far, or the present ones, and the last
    /// checkpoint stays.
    /// </param>
    /// <returns>How it went. The network is left in evaluation mode, without gradients.</returns>
    /// <exception cref="ArgumentException">The job contradicts itself; the message says where.</exception>
    /// <exception cref="InvalidDataException">
    /// The checkpoint to resume from is damaged or was made by another training; the message says what differs.
    /// </exception>
    /// <exception cref="IOException">A checkpoint could not be written; the one before is left as it was.</exception>
    /// <exception cref="TrainingDivergedException">The loss became NaN or infinite; the last checkpoint is left as it was.</exception>
    public static TrainingResult Run(TrainingJob job, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(job);
        job.Check();
        try
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            using var run = new TrainingRun(job);
            return run.Execute(cancellation);
        }
        finally
        {
            NativeMemory.ReleaseFree();
        }
    }
}
