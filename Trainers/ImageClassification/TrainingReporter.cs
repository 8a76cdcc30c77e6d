using Microsoft.ML.Runtime;
using MLNetLosses.Training;
using static TorchSharp.torch;
using Metrics = MLNetLosses.ImageClassificationTrainer.ImageClassificationMetrics;
using Options = MLNetLosses.ImageClassificationTrainer.Options;

namespace MLNetLosses;

/// <summary>
/// Passes the progress of a training to everyone who listens: the options' listener, the metrics callback, and the context's progress
/// channel.
/// </summary>
internal sealed class TrainingReporter : IProgress<TrainingProgress>, IDisposable
{
    private readonly Options options;
    private readonly IProgressChannel channel;
    private TrainingProgress? last;
    private Tensor? right;
    private long seen;
    private int batches;

    public TrainingReporter(IHost host, Options options, int classCount)
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

    /// <summary>Counts right answers on the training data, where somebody wants to know.</summary>
    public void Observe(TrainingBatch batch, Tensor logits)
    {
        batches++;
        if (options.MetricsCallback is null)
            return;
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var rows = logits.shape[0];
        var hits = logits.argmax(1).eq(batch.Targets["targets"].narrow(0, 0, rows)).sum();
        var total = (right is null ? hits : right + hits).DetachFromDisposeScope();
        right?.Dispose();
        (right, seen) = (total, seen + rows);
    }

    public void Report(TrainingProgress value)
    {
        Volatile.Write(ref last, value);
        options.Progress?.Report(value);
        if (value.Finished is not { } epoch)
            return;
        channel.Checkpoint(epoch.Loss, epoch.LearningRate, epoch.Metrics?.Score, epoch.Epoch, epoch.Step);
        if (options.MetricsCallback is { } callback)
            Tell(callback, epoch);
        batches = 0;
    }

    public void Dispose()
    {
        right?.Dispose();
        channel.Dispose();
    }

    private void Tell(Action<Metrics> callback, TrainingEpoch epoch)
    {
        var accuracy = seen == 0 ? float.NaN : (float)right!.item<long>() / seen;
        right?.Dispose();
        (right, seen) = (null, 0);
        callback(
            new(
                new()
                {
                    DatasetUsed = Metrics.Dataset.Train,
                    BatchProcessedCount = batches,
                    Epoch = epoch.Epoch,
                    Accuracy = accuracy,
                    CrossEntropy = (float)epoch.Loss,
                    LearningRate = (float)epoch.LearningRate,
                }
            )
        );
        if (epoch.Metrics is { } metrics)
            callback(
                new(
                    new()
                    {
                        DatasetUsed = Metrics.Dataset.Validation,
                        BatchProcessedCount = batches,
                        Epoch = epoch.Epoch,
                        Accuracy = (float)metrics.Values[ClassificationValidation.Accuracy],
                        CrossEntropy = (float)metrics.Values[ClassificationValidation.LogLoss],
                        LearningRate = (float)epoch.LearningRate,
                    }
                )
            );
    }
}
