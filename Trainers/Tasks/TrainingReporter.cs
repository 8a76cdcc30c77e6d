using Microsoft.ML.Runtime;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>Passes the progress of a training to everyone who listens: the options' listener and the context's progress channel.</summary>
internal class TrainingReporter : IProgress<TrainingProgress>, IDisposable
{
    private readonly TrainerOptions options;
    private readonly IProgressChannel channel;
    private TrainingProgress? last;

    public TrainingReporter(IHost host, TrainerOptions options)
    {
        this.options = options;
        channel = host.StartProgressChannel("Training");
        channel.SetHeader(
            new ProgressHeader(["Loss", "Learning rate", "Validation"], ["epochs", "steps"]),
            entry =>
            {
                if (Volatile.Read(ref last) is not { } progress)
                    return;
                entry.SetProgress(0, progress.Epoch, progress.EpochCount);
                entry.SetProgress(1, progress.Step, progress.StepCount);
                entry.SetMetric(0, progress.Loss);
                entry.SetMetric(1, progress.LearningRate);
            }
        );
    }

    public void Report(TrainingProgress value)
    {
        Volatile.Write(ref last, value);
        options.Progress?.Report(value);
        if (value.Finished is not { } epoch)
            return;
        channel.Checkpoint(epoch.Loss, epoch.LearningRate, epoch.Metrics?.Score, epoch.Epoch, epoch.Step);
        Finished(epoch);
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>An epoch has ended.</summary>
    protected virtual void Finished(TrainingEpoch epoch) { }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            channel.Dispose();
    }
}
