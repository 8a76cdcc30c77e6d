namespace MLNetLosses.Training;

/// <summary>A term of the loss as it was trained.</summary>
/// <param name="Name">Its name in the sum.</param>
/// <param name="Value">Its mean before weighing.</param>
/// <param name="Weight">Its weight.</param>
public readonly record struct TrainingTerm(string Name, double Value, double Weight)
{
    /// <summary>Value times Weight.</summary>
    public double Weighted => Value * Weight;
}

/// <summary>What a validation found.</summary>
/// <param name="Values">Every metric by name.</param>
/// <param name="Primary">The name of the metric that decides which epoch is the best.</param>
/// <param name="HigherIsBetter">Whether a higher value of it is better. Default true.</param>
public sealed record ValidationMetrics(IReadOnlyDictionary<string, double> Values, string Primary, bool HigherIsBetter = true)
{
    /// <summary>What was found beyond the metrics, for the log and the report; null: nothing. Not saved with a model.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public ValidationDetails? Details { get; init; }

    /// <summary>The primary metric.</summary>
    /// <exception cref="KeyNotFoundException">The values do not hold it.</exception>
    [System.Text.Json.Serialization.JsonIgnore]
    public double Score =>
        Values.TryGetValue(Primary, out var score)
            ? score
            : throw new KeyNotFoundException($"The validation's primary metric '{Primary}' is not among {string.Join(", ", Values.Keys)}.");
}

/// <summary>An epoch that is done.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="Step">Optimizer steps done by its end.</param>
/// <param name="Loss">The mean of the loss over its batches.</param>
/// <param name="Terms">The means of the terms over its batches.</param>
/// <param name="LearningRate">The rate of its last step.</param>
/// <param name="Images">How many images were trained on.</param>
/// <param name="Seconds">How long it took, without validation.</param>
/// <param name="WaitSeconds">How much of that was spent waiting for data.</param>
/// <param name="Metrics">What the validation found; null without one.</param>
/// <param name="IsBest">Whether it was the best so far.</param>
public sealed record TrainingEpoch(
    int Epoch,
    long Step,
    double Loss,
    IReadOnlyList<TrainingTerm> Terms,
    double LearningRate,
    long Images,
    double Seconds,
    double WaitSeconds,
    ValidationMetrics? Metrics,
    bool IsBest
)
{
    /// <summary>Images a second of training.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public double ImagesPerSecond => Seconds > 0 ? Images / Seconds : 0;
}

/// <summary>Where a training stands: sent at an interval of steps and at the end of each epoch.</summary>
/// <param name="Epoch">The present epoch, from 1.</param>
/// <param name="EpochCount">The number of epochs planned.</param>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="StepCount">Optimizer steps planned.</param>
/// <param name="Loss">The mean of the loss since the last report.</param>
/// <param name="Terms">The means of the terms since the last report.</param>
/// <param name="LearningRate">The rate of the last step.</param>
/// <param name="GradientNorm">The Euclidean norm of the last step's gradient, before clipping.</param>
/// <param name="ImagesPerSecond">Images a second since the last report.</param>
/// <param name="Elapsed">The time since the start.</param>
/// <param name="TimeLeft">An estimate, validations included; null while unknown.</param>
/// <param name="Finished">The epoch that has just ended, with its validation; null within an epoch.</param>
public sealed record TrainingProgress(
    int Epoch,
    int EpochCount,
    long Step,
    long StepCount,
    double Loss,
    IReadOnlyList<TrainingTerm> Terms,
    double LearningRate,
    double GradientNorm,
    double ImagesPerSecond,
    TimeSpan Elapsed,
    TimeSpan? TimeLeft,
    TrainingEpoch? Finished
)
{
    /// <summary>
    /// What is to be told since the last report: what has newly been found to be wrong, or may be (<see cref="FindingKind"/>), what got worse, and what is over
    /// (<see cref="Finding.State"/>). Before a <see cref="TrainingDivergedException"/> is thrown, where the value that is no number comes from.
    /// </summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];
}

/// <summary>Why a training ended.</summary>
public enum StopReason
{
    /// <summary>All epochs are done.</summary>
    Completed,

    /// <summary>The metric did not improve any more.</summary>
    EarlyStopped,

    /// <summary>The caller's token was cancelled.</summary>
    Canceled,
}

/// <summary>How a training went.</summary>
/// <param name="Reason">Why it ended.</param>
/// <param name="Epochs">Whole epochs done, those before a resumption included.</param>
/// <param name="Steps">Optimizer steps done, also of an epoch that was not finished.</param>
/// <param name="Seconds">How long it took, those parts before a resumption that ended in a checkpoint included.</param>
/// <param name="ImagesPerSecond">Images a second of training in the epochs done, without validation.</param>
/// <param name="History">The epochs done.</param>
/// <param name="BestEpoch">The best validated epoch, from 1; null without validation.</param>
/// <param name="BestMetrics">What its validation found.</param>
/// <param name="KeptEpoch">
/// The epoch whose weights the network holds, from 1; 0: the initial ones; null: those of an unfinished epoch.
/// </param>
/// <param name="ResumedFrom">The number of epochs that a checkpoint brought; 0: not resumed.</param>
public sealed record TrainingResult(
    StopReason Reason,
    int Epochs,
    long Steps,
    double Seconds,
    double ImagesPerSecond,
    IReadOnlyList<TrainingEpoch> History,
    int? BestEpoch,
    ValidationMetrics? BestMetrics,
    int? KeptEpoch,
    int ResumedFrom
);
