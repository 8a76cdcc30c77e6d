using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>The steps of an epoch: forward, terms, backward, update, average, report.</summary>
internal sealed class StepRunner(TrainingJob job, TrainingState state, Pace pace, RunMonitor monitor, Func<string?> checkpointPath)
    : IDisposable
{
    private readonly TrainingOptions options = job.Options;
    private int accumulated;
    private long stepsBefore;
    private double gradientNorm;

    public LossMeter Meter { get; } =
        new(
            state.Arena.Weights.device,
            state.Arena.Weights.device_type == TorchSharp.DeviceType.CPU ? 1 : job.ProgressInterval * job.Options.AccumulateBatches,
            () => Kept(state, checkpointPath())
        );

    public ITermCombiner Combiner => state.Combiner;

    /// <summary>The rate of the last step.</summary>
    public double LearningRate { get; private set; }

    public void RunEpoch(int epoch, CancellationToken cancellation)
    {
        (accumulated, stepsBefore) = (0, state.Step);
        Meter.Epoch.Clear();
        Meter.Interval.Clear();
        state.Gradients.Clear();
        job.Loss.CheckValues = true;
        using var batches = job.Batches.Read(epoch, cancellation).GetEnumerator();
        BatchPlace place = default;
        for (var index = 0; pace.Wait(batches.MoveNext); index++)
        {
            using var batch = batches.Current;
            cancellation.ThrowIfCancellationRequested();
            place = new BatchPlace(state.Step + 1, epoch + 1, index + 1, batch.Rows);
            Learn(batch, new LossClock(state.Step, epoch + Math.Min(1, (double)index / state.BatchesPerEpoch), options.Epochs), place);
            job.Loss.CheckValues = false;
            if (++accumulated == options.AccumulateBatches)
                Update(place);
            pace.Count(batch.RowCount);
        }
        cancellation.ThrowIfCancellationRequested(); // some sources just end
        if (accumulated > 0)
            Update(place);
        if (place.Batch == 0)
            throw new InvalidOperationException(
                $"The source of batches yielded none in epoch {epoch + 1}, though it states {state.BatchesPerEpoch}."
            );
        Meter.Read();
    }

    /// <summary>Tells the listener where training stands.</summary>
    public void Report(TrainingEpoch? finished)
    {
        Meter.Read();
        var progress = Progress(finished);
        IReadOnlyList<Finding> found = Meter.Interval.Count > 0 ? monitor.Steps(progress, pace.WaitShare, finished is null) : [];
        if (finished is not null)
            found = [.. found, .. monitor.Epoch(finished, progress.Elapsed)];
        job.Progress?.Report(progress with { Findings = found });
        Meter.Interval.Clear();
    }

    /// <summary>Tells the listener what was found when nothing else is to be told any more.</summary>
    public void Tell(IReadOnlyList<Finding> findings)
    {
        if (findings.Count > 0)
            job.Progress?.Report(Progress(null) with { Findings = findings });
    }

    public void Dispose() => Meter.Dispose();

    private bool IsReported => (state.Step + 1) % job.ProgressInterval == 0;

    private TrainingProgress Progress(TrainingEpoch? finished)
    {
        var means = Meter.Interval.Count > 0 ? Meter.Interval : Meter.Epoch;
        var epochsLeft = options.Epochs - state.Epoch;
        return new(
            finished?.Epoch ?? state.Epoch + 1,
            options.Epochs,
            state.Step,
            state.StepCount,
            means.Loss,
            means.Terms,
            LearningRate,
            gradientNorm,
            finished?.ImagesPerSecond ?? pace.TakeSpeed(),
            TimeSpan.FromSeconds(pace.Seconds),
            pace.Left(state.Step - stepsBefore, state.StepCount - state.Step, epochsLeft),
            finished
        );
    }

    private void Learn(TrainingBatch batch, LossClock clock, in BatchPlace place)
    {
        using var scope = NewDisposeScope();
        job.Loss.Clock = clock;
        var inputs = job.Forward(batch);
        try
        {
            var value = Evaluate(inputs, place);
            if (accumulated == 0 && IsReported)
                monitor.BeforeBackward(value);
            var combined = Combiner.Backward(value, state.Gradients, clock);
            Meter.Add(value, combined, place);
        }
        catch (TrainingDivergedException error) when (error.Step == place.Step && error.Batch == place.Batch)
        {
            monitor.Diverged(error, batch, inputs);
            throw;
        }
        monitor.AfterBackward(batch, inputs);
    }

    private LossValue Evaluate(LossInputs inputs, in BatchPlace place)
    {
        try
        {
            return job.Loss.EvaluateTerms(inputs);
        }
        catch (ArgumentException) when (job.Loss.CheckValues && inputs.Any(i => i.Value.requires_grad && HasOtherThanNumbers(i.Value)))
        {
            // The network's output, not the data, is to blame: say in which term it ends.
            job.Loss.CheckValues = false;
            var value = job.Loss.EvaluateTerms(inputs);
            Meter.Add(value, new(value.Total), place);
            Meter.Read();
            throw;
        }
    }

    private void Update(in BatchPlace place)
    {
        using var scope = NewDisposeScope();
        var scale = 1.0 / accumulated;
        accumulated = 0;
        LearningRate = state.Rate(state.Step);
        var reports = IsReported;
        if (reports)
        {
            gradientNorm = scale * state.Updater.Norm();
            if (!double.IsFinite(gradientNorm))
            {
                Meter.Read(); // an earlier cause, if there is one
                throw Meter.Diverged("gradient", gradientNorm, place);
            }
        }
        monitor.Update(reports, () => state.Updater.Step(LearningRate, new(scale, options.ClipNorm, options.ClipValue)));
        state.Gradients.Clear();
        state.Step++;
        state.Average?.Update();
        if (reports)
            Report(null);
    }

    private static bool HasOtherThanNumbers(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return !tensor.isfinite().all().item<bool>();
    }

    private static string Kept(TrainingState state, string? checkpoint) =>
        checkpoint is null || state.Epoch == 0 ? "" : $"The checkpoint of epoch {state.Epoch} is kept in '{checkpoint}'.";
}
