using Microsoft.ML.Runtime;
using MLNetLosses.Training;
using static TorchSharp.torch;
using Metrics = MLNetLosses.ImageClassificationTrainer.ImageClassificationMetrics;
using Options = MLNetLosses.ImageClassificationTrainer.Options;

namespace MLNetLosses;

/// <summary>Tells the metrics callback too, and counts right answers on the training data for it.</summary>
internal sealed class ClassificationReporter(IHost host, Options options) : TrainingReporter(host, options)
{
    private readonly Action<Metrics>? callback = options.MetricsCallback;
    private Tensor? right;
    private long seen;
    private int batches;

    /// <summary>Counts right answers on the training data, where somebody wants to know.</summary>
    public void Observe(TrainingBatch batch, Tensor logits)
    {
        batches++;
        if (callback is null)
            return;
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var rows = logits.shape[0];
        var hits = logits.argmax(1).eq(batch.Targets["targets"].narrow(0, 0, rows)).sum();
        var total = (right is null ? hits : right + hits).DetachFromDisposeScope();
        right?.Dispose();
        (right, seen) = (total, seen + rows);
    }

    protected override void Finished(TrainingEpoch epoch)
    {
        if (callback is not null)
            Tell(callback, epoch);
        batches = 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            right?.Dispose();
        base.Dispose(disposing);
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
