using System.Diagnostics;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Watches one training for <see cref="MonitoringOptions"/>: measures, keeps the history, tells the writers, diagnoses.</summary>
internal sealed class RunMonitor : IDisposable
{
    private readonly TrainingJob job;
    private readonly TrainingState state;
    private readonly MonitoringOptions options;
    private readonly SamplingBudget termBudget;
    private readonly SamplingBudget updateBudget;
    private readonly UpdateRatio updates;
    private readonly RowTracker rows = new();
    private readonly RowReader rowReader;
    private readonly List<IRecordWriter> writers = [];
    private readonly DiagnosisSchedule schedule = new();
    private FindingTracker findings = new([]);
    private ReportWriter? report;
    private TensorBoardWriter? board;
    private bool hasPictures;
    private TermGradients? termGradients;
    private double? updateRatio;
    private double seconds;

    public RunMonitor(TrainingJob job, TrainingState state)
    {
        (this.job, this.state, options) = (job, state, job.Monitoring);
        var share = options.Diagnosis ? options.SamplingShare : 0;
        termBudget = new(share * 2 / 3);
        updateBudget = new(share / 3);
        updates = new(state.Arena);
        rowReader = new(rows);
        options.Check();
    }

    public TrainingHistory History { get; private set; } = new();

    /// <summary>Opens what is to be written; after a resumption it goes on.</summary>
    /// <exception cref="IOException">A place cannot be written.</exception>
    public void Begin(bool resumed)
    {
        var run = RunDescription.Of(job, state);
        if (resumed)
            History = Earlier();
        if (options.LogFile is { } path)
            writers.Add(new LogRecordWriter(path, resumed));
        if (options.TensorBoardFolder is not null)
            writers.Add(board = new TensorBoardWriter(options));
        if (options.ReportFile is not null)
            writers.Add(report = new ReportWriter(options));
        Write(run);
        findings = new(History.Findings);
    }

    /// <summary>Measures the gradient of each term, where it is time to.</summary>
    public void BeforeBackward(LossValue value)
    {
        if (value.Terms.Count > 1 && termBudget.Allows)
            termBudget.Run(() => termGradients = TermGradients.Measure(value, state.Gradients));
    }

    /// <summary>Takes in what the task tells of the rows.</summary>
    public void AfterBackward(TrainingBatch batch, LossInputs inputs)
    {
        if (job.DescribeRows is null || !options.Diagnosis)
            return;
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        if (job.DescribeRows(batch, inputs) is { } described)
            rowReader.Add(described);
    }

    /// <summary>A step that is measured, where it is time to.</summary>
    public void Update(bool mayMeasure, Action step)
    {
        if (!mayMeasure || !updateBudget.Allows)
        {
            step();
            return;
        }
        updateBudget.Run(updates.Remember);
        step();
        updateBudget.Run(() => updateRatio = updates.Measure());
    }

    /// <summary>An interval of steps.</summary>
    /// <param name="progress">Where training stands.</param>
    /// <param name="waitShare">The share of the epoch that was spent waiting for data.</param>
    /// <param name="isMeasured">Whether the gradient of the interval's last step was measured; it is not where an epoch ends within an interval.</param>
    /// <returns>What is to be told.</returns>
    public IReadOnlyList<Finding> Steps(TrainingProgress progress, double waitShare, bool isMeasured)
    {
        seconds = progress.Elapsed.TotalSeconds;
        rowReader.Read();
        Write(
            new StepsRecord
            {
                Epoch = progress.Epoch,
                Step = progress.Step,
                Seconds = seconds,
                Loss = progress.Loss,
                Terms = Terms(progress.Terms, termGradients),
                LearningRate = progress.LearningRate,
                GradientNorm = isMeasured ? progress.GradientNorm : null,
                GradientCosines = termGradients is { Cosines.Count: > 0 } g
                    ? g.Cosines.ToDictionary(c => $"{progress.Terms[c.First].Name}, {progress.Terms[c.Second].Name}", c => c.Cosine)
                    : null,
                UpdateRatio = updateRatio,
                ImagesPerSecond = progress.ImagesPerSecond,
                WaitShare = waitShare,
                Memory = Memory(),
                LossState = LossStateValues.Read(job.Loss, state.Combiner.Learner),
            }
        );
        (termGradients, updateRatio) = (null, null);
        return schedule.IsDue(History.Steps.Count) ? Diagnose(progress.Epoch, isEnd: false) : [];
    }

    /// <summary>An epoch that is done.</summary>
    /// <returns>What is to be told.</returns>
    public IReadOnlyList<Finding> Epoch(TrainingEpoch epoch, TimeSpan elapsed)
    {
        seconds = elapsed.TotalSeconds;
        rowReader.Read();
        if (epoch is { Metrics.Details.Pictures: { Count: > 0 } pictures } && (epoch.IsBest || !hasPictures))
        {
            hasPictures = true;
            report?.Pictures = pictures;
            board?.Pictures = pictures;
        }
        var metrics = rows.Metrics;
        var (hardest, suspect, suspectCount, median) = rows.EndEpoch(options.HardestRows, options.Classes);
        Write(
            new EpochRecord
            {
                Epoch = epoch.Epoch,
                Step = epoch.Step,
                Seconds = seconds,
                EpochSeconds = epoch.Seconds,
                WaitSeconds = epoch.WaitSeconds,
                LearningRate = epoch.LearningRate,
                ImagesPerSecond = epoch.ImagesPerSecond,
                IsBest = epoch.IsBest,
                Train = new()
                {
                    Loss = epoch.Loss,
                    Terms = Terms(epoch.Terms, null),
                    Metrics = metrics,
                    HardestRows = Sourced(hardest, false),
                    SuspectRows = Sourced(suspect, false),
                    SuspectCount = suspectCount,
                    RowCount = rows.Count,
                    MedianRowLoss = rows.Count > 0 ? median : null,
                },
                Validation = epoch.Metrics is { } validation ? Validation(validation, epoch.IsBest) : null,
            }
        );
        return Diagnose(epoch.Epoch, isEnd: true);
    }

    /// <summary>A value is no number: finds where it comes from, while the batch is still there. The error says it from then on.</summary>
    public void Diverged(TrainingDivergedException error, TrainingBatch? batch, LossInputs? inputs)
    {
        if (error.Origin is not null)
            return;
        error.Origin = NotANumberOrigin.Find(error, state.Arena, batch, inputs, new(History.Run));
        Write(new FindingRecord { Finding = error.Origin });
    }

    public void End(TrainingResult result) =>
        Write(
            new EndRecord
            {
                Reason = $"{result.Reason}",
                Epochs = result.Epochs,
                Steps = result.Steps,
                Seconds = result.Seconds,
                KeptEpoch = result.KeptEpoch,
            }
        );

    /// <summary>The training failed.</summary>
    /// <returns>What is to be told.</returns>
    public IReadOnlyList<Finding> Failed(Exception error)
    {
        if (error is TrainingDivergedException diverged)
            Diverged(diverged, null, null);
        Write(
            new EndRecord
            {
                Reason = "Failed",
                Error = error.Message,
                Epochs = state.Epoch,
                Steps = state.Step,
                Seconds = seconds,
            }
        );
        return error is TrainingDivergedException { Origin: { } origin } ? [origin] : [];
    }

    public void Dispose()
    {
        foreach (var writer in writers)
            writer.Dispose();
        rowReader.Dispose();
        updates.Dispose();
    }

    private IReadOnlyList<Finding> Diagnose(int epoch, bool isEnd)
    {
        if (!options.Diagnosis)
            return [];
        var told = findings.Look(schedule.Run(() => Diagnosis.Examine(History)), epoch, History.LastStep, isEnd);
        foreach (var finding in told)
            Write(new FindingRecord { Finding = finding });
        return told;
    }

    // A full disk shall not cost a training: the writer is given up with a word.
    private void Write(LogRecord record)
    {
        History.Add(record);
        foreach (var writer in writers.ToArray())
            try
            {
                writer.Write(record, History);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                job.Log?.Invoke($"No longer written: {error.Message}");
                writers.Remove(writer);
                writer.Dispose();
            }
    }

    private TrainingHistory Earlier()
    {
        if (options.LogFile is { } path && File.Exists(path))
            try
            {
                return TrainingHistory.Read(path);
            }
            catch (InvalidDataException error)
            {
                job.Log?.Invoke($"What the log says of the steps before is left out: {error.Message}");
            }
        var history = new TrainingHistory();
        foreach (var epoch in state.History)
            history.Add(
                new EpochRecord
                {
                    Epoch = epoch.Epoch,
                    Step = epoch.Step,
                    EpochSeconds = epoch.Seconds,
                    WaitSeconds = epoch.WaitSeconds,
                    LearningRate = epoch.LearningRate,
                    ImagesPerSecond = epoch.ImagesPerSecond,
                    IsBest = epoch.IsBest,
                    Train = new() { Loss = epoch.Loss, Terms = Terms(epoch.Terms, null) },
                    Validation = epoch.Metrics is { } validation ? Validation(validation, epoch.IsBest) : null,
                }
            );
        return history;
    }

    private static Dictionary<string, TermRecord> Terms(IReadOnlyList<TrainingTerm> terms, TermGradients? gradients) =>
        terms
            .Select(
                (term, i) =>
                    KeyValuePair.Create(
                        term.Name,
                        new TermRecord
                        {
                            Value = term.Value,
                            Weight = term.Weight,
                            Weighted = term.Weighted,
                            GradientNorm = gradients is null ? null : gradients.Norms[i] * Math.Abs(term.Weight),
                        }
                    )
            )
            .ToDictionary();

    private IReadOnlyList<RowFinding> Sourced(IReadOnlyList<RowFinding> rows, bool areValidation) =>
        options.Source is null
            ? rows
            : [.. rows.Select(row => row with { Source = row.Source ?? options.Source(new(row.Row, areValidation)) })];

    // Curves are large: those of the best epoch so far are enough.
    private ValidationRecord Validation(ValidationMetrics metrics, bool isBest) =>
        new()
        {
            Metrics = metrics.Values,
            Primary = metrics.Primary,
            HigherIsBetter = metrics.HigherIsBetter,
            Classes = metrics.Details?.Classes ?? [],
            HardestRows = Sourced(metrics.Details?.HardestRows ?? [], true),
            Confusion = isBest ? metrics.Details?.Confusion : null,
            Calibration = isBest && metrics.Details is { Calibration.Count: > 0 } a ? a.Calibration : null,
            PrecisionRecall = isBest && metrics.Details is { PrecisionRecall.Count: > 0 } b ? b.PrecisionRecall : null,
        };

    private static MemoryRecord Memory()
    {
        using var process = Process.GetCurrentProcess();
        return new(process.WorkingSet64, process.PeakWorkingSet64, GC.GetTotalMemory(false));
    }
}
