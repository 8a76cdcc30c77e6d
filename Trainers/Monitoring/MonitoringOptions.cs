using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// What a training shall leave behind for those who look at it: a log, TensorBoard files, a report, findings. All of it is off by default but the findings, which
/// arrive in <see cref="TrainingProgress.Findings"/>. Nothing of it changes the training: the weights are the same bit for bit.
/// </summary>
public sealed record MonitoringOptions
{
    internal const int DefaultHardestRows = 24;

    /// <summary>
    /// The file to write, such as <c>output/training.jsonl</c>: one JSON object a line, whole lines only, also when the process is killed. A resumed training goes on
    /// in the same file. Its lines are described in the documentation of the training log. Null (the default): none.
    /// </summary>
    public string? LogFile { get; init; }

    /// <summary>The folder that TensorBoard shall show (<c>tensorboard --logdir FOLDER</c>); null (the default): none.</summary>
    public string? TensorBoardFolder { get; init; }

    /// <summary>The HTML file to write at the start, now and then, and at the end, such as <c>output/report.html</c>; null (the default): none.</summary>
    public string? ReportFile { get; init; }

    /// <summary>
    /// The share of the training's time that may be spent on what costs a pass of its own: the gradient of each term of a sum and the size of an update. They are
    /// measured as often as this allows. In [0, 1]; default 0.015; 0: never; 1: at every interval.
    /// </summary>
    public double SamplingShare { get; init; } = 0.015;

    /// <summary>
    /// Whether the training is watched for what may be wrong with it. False: nothing is measured that training does not need itself, whatever
    /// <see cref="SamplingShare"/> says, and there are no <see cref="TrainingProgress.Findings"/>. Default true.
    /// </summary>
    public bool Diagnosis { get; init; } = true;

    /// <summary>How many of the hardest rows are logged each epoch and shown in the report. Default 24; 0: none.</summary>
    public int HardestRows { get; init; } = DefaultHardestRows;

    /// <summary>The name of the task, for the head of the report: <c>image classification</c>.</summary>
    public string? Task { get; init; }

    /// <summary>What the user chose, by name, as text: shown in the report and compared between runs.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>What the data are, by name, as text: number of images, of each class, ...</summary>
    public IReadOnlyDictionary<string, string> Data { get; init; } = new Dictionary<string, string>();

    /// <summary>The names of the classes, in the order of their indices; empty: there are none.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>
    /// Gives a small picture (PNG or JPEG) of a row for the report, or null where there is none. Called when the report is written, for the rows that it shows.
    /// </summary>
    public Func<RowReference, byte[]?>? Picture { get; init; }

    /// <summary>Says where a row comes from, such as its file; null: nobody knows.</summary>
    public Func<RowReference, string?>? Source { get; init; }

    /// <summary>The loss as the user wrote it, where the task makes another of it; null: the one that is computed.</summary>
    internal LossDescription? Loss { get; init; }

    /// <summary>What is drawn on the pictures; null: nothing.</summary>
    internal PictureLegend? Legend { get; init; }

    internal void Check()
    {
        if (!(SamplingShare is >= 0 and <= 1))
            throw new ArgumentException($"SamplingShare must lie in [0, 1]; it is {SamplingShare}.", nameof(SamplingShare));
        ArgumentOutOfRangeException.ThrowIfNegative(HardestRows);
        foreach (
            var (name, path) in new[]
            {
                (nameof(LogFile), LogFile),
                (nameof(TensorBoardFolder), TensorBoardFolder),
                (nameof(ReportFile), ReportFile),
            }
        )
            if (path is not null && string.IsNullOrWhiteSpace(path))
                throw new ArgumentException($"{name} must name a place or be null; it is empty.", name);
    }
}

/// <summary>A row of the data.</summary>
/// <param name="Row">Its number in the data view that it came from.</param>
/// <param name="IsValidation">Whether it is of the validation data.</param>
public readonly record struct RowReference(long Row, bool IsValidation);
