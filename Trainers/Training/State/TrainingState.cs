using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Everything that a training goes on from: weights, optimizer, average, best weights, counters and history.</summary>
internal sealed class TrainingState : IDisposable
{
    private readonly TrainingOptions options;
    private readonly PlateauSchedule? plateau;

    public TrainingState(TrainingJob job)
    {
        options = job.Options;
        plateau = options.Schedule as PlateauSchedule;
        Combiner = job.Combiner ?? WeightingCombiner.Create(options.LossWeighting, job);
        List<(nn.Module, string, double)> learners = [(job.Loss, "loss/", options.LossLearningRateFactor)];
        if (Combiner.Learner is { } learner)
            learners.Add((learner, "weighting/", options.LossLearningRateFactor));
        Arena = new WeightArena(job.Network, job.Groups, learners);
        if (Arena.ParameterCount == 0 && options.Epochs > 0)
            throw new ArgumentException(
                "Nothing can be trained: no parameter of the network or the loss requires a gradient.",
                nameof(job)
            );
        Gradients = new Gradients(Arena);
        Gradients.Clear();
        Model = new ModelState(job.Network, Arena, learners);
        Updater = ParameterUpdater.Create(options.Optimizer, Arena, Gradients);
        Average = options.Averaging is { } averaging ? new AverageModel(averaging, Model) : null;
        BestWeights = job.Validate is not null && options.RestoreBest ? Model.Copy() : null;
        BatchesPerEpoch = Math.Max(job.Batches.BatchCount, 1);
        StepCount = (long)options.Epochs * ((BatchesPerEpoch + options.AccumulateBatches - 1) / options.AccumulateBatches);
        Stopper = new(options.EarlyStopping?.MinimumImprovement ?? 0);
        PlateauCounter = new(plateau?.MinimumImprovement ?? 0);
        if (StepCount > 0)
            _ = Rate(StepCount - 1); // a schedule that ends too early says so now
    }

    public ITermCombiner Combiner { get; }
    public WeightArena Arena { get; }
    public Gradients Gradients { get; }
    public ModelState Model { get; }
    public ParameterUpdater Updater { get; }
    public AverageModel? Average { get; }

    /// <summary>The weights of the best validated epoch; null where nothing is to be restored.</summary>
    public ModelCopy? BestWeights { get; }

    public int BatchesPerEpoch { get; }
    public long StepCount { get; }
    public int Epoch { get; set; }
    public long Step { get; set; }
    public double Seconds { get; set; }
    public List<TrainingEpoch> History { get; } = [];
    public int? BestEpoch { get; set; }
    public ValidationMetrics? BestMetrics { get; set; }
    public ImprovementCounter BestCounter { get; } = new(0);
    public ImprovementCounter Stopper { get; }
    public ImprovementCounter PlateauCounter { get; }

    /// <summary>How often a plateau has reduced the rate.</summary>
    public int Reductions { get; set; }

    public bool ShouldStop => options.EarlyStopping is { } stopping && Stopper.Since >= stopping.Patience;

    public double Rate(long step)
    {
        // More steps than planned: a source that yields more batches than it states. The last rate stays.
        var rate = options.Schedule.RateAt(options.Optimizer.LearningRate, Math.Min(step, Math.Max(StepCount - 1, 0)), StepCount);
        return plateau?.Reduced(rate, Reductions) ?? rate;
    }

    /// <summary>Takes a validation in, and keeps the weights if it is the best so far.</summary>
    public bool Observe(ValidationMetrics? metrics, int epoch)
    {
        if (metrics is null)
            return false;
        Stopper.Improves(metrics.Score, metrics.HigherIsBetter);
        if (!BestCounter.Improves(metrics.Score, metrics.HigherIsBetter) && BestEpoch is not null)
            return false;
        (BestEpoch, BestMetrics) = (epoch, metrics);
        if (BestWeights is null)
            return true;
        using var average = Average?.Borrow();
        Model.CopyTo(BestWeights);
        return true;
    }

    public void ObservePlateau(ValidationMetrics? metrics, double loss)
    {
        if (plateau is null || PlateauCounter.Improves(metrics?.Score ?? loss, metrics?.HigherIsBetter ?? false))
            return;
        if (PlateauCounter.Since > plateau.Patience)
            (Reductions, PlateauCounter.Since) = (Reductions + 1, 0);
    }

    /// <summary>Puts the weights to keep into the network: the best validated, else the average, else the present.</summary>
    /// <returns>The epoch that they are of; null: an unfinished one.</returns>
    public int? KeepResult(bool unfinished)
    {
        if (BestWeights is not null && BestEpoch is not null)
        {
            Model.Load(BestWeights);
            return BestEpoch;
        }
        if (Average is not null)
        {
            Average.Refresh();
            Model.Load(Average.Copy);
        }
        return unfinished ? null : Epoch;
    }

    public void Dispose()
    {
        Gradients.Clear();
        Combiner.Dispose();
    }
}
