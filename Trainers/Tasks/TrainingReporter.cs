using System.Globalization;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>
/// Passes the progress of a training to everyone who listens: the options' listener, the context's progress channel, and its log: epochs and findings, and as details
/// every interval of steps. What it logs comes in a channel of its own, so that it can be told from what is said nowhere else.
/// </summary>
internal class TrainingReporter : IProgress<TrainingProgress>, IDisposable
{
    private readonly TrainerOptions options;
    private readonly IProgressChannel channel;
    private readonly IChannel log;
    private TrainingProgress? last;

    public TrainingReporter(IHost host, TrainerOptions options)
    {
        this.options = options;
        log = host.Start(TrainerOptions.ProgressChannel);
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
        foreach (var finding in value.Findings)
            Tell(finding);
        if (value.Finished is not { } epoch)
        {
            log.Trace(
                $"Epoch {value.Epoch} of {value.EpochCount}, step {value.Step} of {value.StepCount}: {Losses(value.Loss, value.Terms)}"
            );
            return;
        }
        var metrics = epoch.Metrics is { } found
            ? "; " + string.Join(", ", found.Values.Select(metric => $"{metric.Key} {Text(metric.Value)}"))
            : "";
        log.Info($"Epoch {epoch.Epoch} of {value.EpochCount}: {Losses(epoch.Loss, epoch.Terms)}{metrics}");
        channel.Checkpoint(epoch.Loss, epoch.LearningRate, epoch.Metrics?.Score, epoch.Epoch, epoch.Step);
        Finished(epoch);
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private void Tell(Finding finding)
    {
        if (finding.State == FindingState.Over)
            log.Info($"{finding}");
        else
            log.Warning($"{finding}");
    }

    private static string Losses(double loss, IReadOnlyList<TrainingTerm> terms) =>
        $"Loss: {Text(loss)}"
        + (terms.Count > 1 ? $" ({string.Join(", ", terms.Select(term => $"{term.Name} {Text(term.Weighted)}"))})" : "");

    private static string Text(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    /// <summary>An epoch has ended.</summary>
    protected virtual void Finished(TrainingEpoch epoch) { }

    protected virtual void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        channel.Dispose();
        log.Dispose();
    }
}
