using System.Diagnostics;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>One training: the epochs, what happens between them, and how it ends.</summary>
internal sealed class TrainingRun : IDisposable
{
    // In seconds. Memory that is given back is mapped anew: some tenths of a second.
    private const double LongEpoch = 20;

    private readonly TrainingJob job;
    private readonly TrainingOptions options;
    private readonly TrainingState state;
    private readonly StepRunner steps;
    private readonly GlobalRandom random;
    private readonly Checkpoint? checkpoint;
    private readonly RunMonitor monitor;
    private readonly Pace pace = new();

    public TrainingRun(TrainingJob job)
    {
        (this.job, options) = (job, job.Options);
        Prepare();
        state = new TrainingState(job);
        checkpoint = job.Checkpoint is { } kept ? new Checkpoint(kept, job, state) : null;
        random = new GlobalRandom(job.UsesGlobalRandom ?? GlobalRandom.IsUsedBy(job.Network));
        monitor = new RunMonitor(job, state);
        steps = new StepRunner(job, state, pace, monitor, () => checkpoint?.Path);
    }

    public TrainingResult Execute(CancellationToken cancellation)
    {
        var resumed = checkpoint?.TryResume() == true ? state.Epoch : 0;
        pace.Before = state.Seconds;
        if (resumed > 0)
            job.Log?.Invoke($"Resumed after epoch {resumed} of {options.Epochs} from '{checkpoint!.Path}'.");
        monitor.Begin(resumed > 0);
        StopReason? reason = null;
        try
        {
            if (options.Epochs == 0 && job.Validate is not null)
                state.Observe(Validate(cancellation), 0);
            while (reason is null)
            {
                cancellation.ThrowIfCancellationRequested();
                if (state.ShouldStop)
                    reason = StopReason.EarlyStopped;
                else if (state.Epoch >= options.Epochs)
                    reason = StopReason.Completed;
                else
                    RunEpoch(cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            reason = StopReason.Canceled;
        }
        catch (Exception error)
        {
            steps.Tell(monitor.Failed(error));
            throw;
        }
        var result = Finish(reason.Value, resumed);
        monitor.End(result);
        return result;
    }

    public void Dispose()
    {
        steps.Dispose();
        monitor.Dispose();
        random.Dispose();
        state.Dispose();
    }

    private void Prepare()
    {
        if (NativeMemory.KeepLargeBlocks() is { } memory)
            job.Log?.Invoke(memory);
        if (job.Threads is { } threads && threads != get_num_threads())
            set_num_threads(threads);
        job.Log?.Invoke(
            $"Training computes with {Quantity.Of(get_num_threads(), "thread")} on {Quantity.Of(Environment.ProcessorCount, "processor")}."
        );
    }

    private void RunEpoch(CancellationToken cancellation)
    {
        var epoch = state.Epoch;
        random.Begin(options.Seed, epoch);
        job.Network.train();
        job.Loss.train();
        pace.BeginEpoch();
        var before = state.Step;
        steps.RunEpoch(epoch, cancellation);
        pace.EndEpoch(state.Step - before);
        var (means, seconds, wait) = (steps.Meter.Epoch, pace.EpochSeconds, pace.WaitSeconds);
        var pause = Stopwatch.StartNew();
        steps.Combiner.EndEpoch(means.Terms);
        var metrics = job.Validate is null ? null : Validate(cancellation);
        if (seconds >= LongEpoch)
            NativeMemory.ReleaseFree(); // steps and validation leave holes of different sizes, and each would grow what the other keeps
        state.Epoch = epoch + 1;
        var isBest = state.Observe(metrics, epoch + 1);
        state.ObservePlateau(metrics, means.Loss);
        TrainingEpoch finished = new(
            epoch + 1,
            state.Step,
            means.Loss,
            means.Terms,
            steps.LearningRate,
            pace.EpochImages,
            seconds,
            wait,
            metrics,
            isBest
        );
        state.History.Add(finished);
        state.Seconds = pace.Seconds;
        if (checkpoint is not null && (state.Epoch % job.Checkpoint!.EveryEpochs == 0 || state.Epoch >= options.Epochs || state.ShouldStop))
            checkpoint.Save();
        pace.Pause(pause.Elapsed.TotalSeconds);
        steps.Report(finished);
    }

    private ValidationMetrics Validate(CancellationToken cancellation)
    {
        using var average = state.Average?.Borrow();
        job.Network.eval();
        job.Loss.eval();
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var metrics = job.Validate!(cancellation);
        _ = metrics.Score; // throws where the primary metric is missing
        return metrics;
    }

    private TrainingResult Finish(StopReason reason, int resumed)
    {
        state.Gradients.Clear();
        job.Loss.CheckValues = true;
        var kept = state.KeepResult(
            unfinished: reason == StopReason.Canceled && state.Step > (state.History is [.., var last] ? last.Step : 0)
        );
        job.Network.eval();
        job.Loss.eval();
        var (images, seconds) = (state.History.Sum(e => e.Images), state.History.Sum(e => e.Seconds));
        return new(
            reason,
            state.Epoch,
            state.Step,
            pace.Seconds,
            seconds > 0 ? images / seconds : 0,
            [.. state.History],
            state.BestEpoch,
            state.BestMetrics,
            kept,
            resumed
        );
    }
}
