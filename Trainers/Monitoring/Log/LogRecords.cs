using System.Text.Json.Nodes;

namespace MLNetLosses.Training;

/// <summary>A line of a training log. README.md in this folder is the reference of what the lines mean.</summary>
internal abstract record LogRecord
{
    /// <summary>The version of the format; readers take any line whose members they know.</summary>
    public const int Schema = 1;

    public DateTimeOffset Time { get; init; } = DateTimeOffset.UtcNow;
}

/// <summary>A training begins, or goes on after a resumption.</summary>
internal sealed record RunRecord : LogRecord
{
    public int SchemaVersion { get; init; } = Schema;
    public int ResumedAfterEpoch { get; init; }
    public long ResumedAfterStep { get; init; }
    public string? Task { get; init; }
    public string Loss { get; init; } = "";
    public JsonNode? LossJson { get; init; }
    public JsonNode? Options { get; init; }
    public int EpochCount { get; init; }
    public long StepCount { get; init; }
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
    public IReadOnlyDictionary<string, string> Data { get; init; } = new Dictionary<string, string>();
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<string> Classes { get; init; } = [];
}

/// <summary>A term of the loss over an interval.</summary>
internal sealed record TermRecord
{
    public double Value { get; init; }
    public double Weight { get; init; }
    public double Weighted { get; init; }

    /// <summary>Of the weighted term, over all trained parameters; null where it was not sampled.</summary>
    public double? GradientNorm { get; init; }
}

/// <summary>Numbers of the loss that are learnt or remembered: all of them where they are few, else a summary of what is learnt.</summary>
internal sealed record StateRecord
{
    public IReadOnlyList<double>? Values { get; init; }
    public long? Count { get; init; }
    public double? Norm { get; init; }
}

internal sealed record MemoryRecord(long ProcessBytes, long PeakBytes, long ManagedBytes);

/// <summary>An interval of steps.</summary>
internal sealed record StepsRecord : LogRecord
{
    public int Epoch { get; init; }
    public long Step { get; init; }
    public double Seconds { get; init; }
    public double Loss { get; init; }
    public IReadOnlyDictionary<string, TermRecord> Terms { get; init; } = new Dictionary<string, TermRecord>();
    public double LearningRate { get; init; }
    public double? GradientNorm { get; init; }
    public IReadOnlyDictionary<string, double>? GradientCosines { get; init; }
    public double? UpdateRatio { get; init; }
    public double ImagesPerSecond { get; init; }
    public double WaitShare { get; init; }
    public MemoryRecord? Memory { get; init; }
    public IReadOnlyDictionary<string, StateRecord>? LossState { get; init; }
}

internal sealed record TrainRecord
{
    public double Loss { get; init; }
    public IReadOnlyDictionary<string, TermRecord> Terms { get; init; } = new Dictionary<string, TermRecord>();
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    /// <summary>The highest mean losses over the epoch.</summary>
    public IReadOnlyList<RowFinding> HardestRows { get; init; } = [];

    /// <summary>Rows whose loss has stayed high while others were learnt, so that their label may be wrong.</summary>
    public IReadOnlyList<RowFinding> SuspectRows { get; init; } = [];

    /// <summary>How many such rows there are.</summary>
    public int SuspectCount { get; init; }

    /// <summary>Of how many rows; 0: rows are not followed, and a line of the log says nothing of them.</summary>
    public int RowCount { get; init; }

    /// <summary>The median of the rows' losses in the epoch, which those of the hardest stand out of.</summary>
    public double? MedianRowLoss { get; init; }
}

internal sealed record ValidationRecord
{
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();
    public string Primary { get; init; } = "";
    public bool HigherIsBetter { get; init; } = true;
    public IReadOnlyList<ClassMetrics> Classes { get; init; } = [];
    public IReadOnlyList<RowFinding> HardestRows { get; init; } = [];
    public IReadOnlyList<IReadOnlyList<long>>? Confusion { get; init; }
    public IReadOnlyList<CalibrationBin>? Calibration { get; init; }
    public IReadOnlyList<PrecisionRecallCurve>? PrecisionRecall { get; init; }
}

/// <summary>An epoch that is done.</summary>
internal sealed record EpochRecord : LogRecord
{
    public int Epoch { get; init; }
    public long Step { get; init; }
    public double Seconds { get; init; }
    public double EpochSeconds { get; init; }
    public double WaitSeconds { get; init; }
    public double LearningRate { get; init; }
    public double ImagesPerSecond { get; init; }
    public bool IsBest { get; init; }
    public TrainRecord Train { get; init; } = new();
    public ValidationRecord? Validation { get; init; }
}

internal sealed record FindingRecord : LogRecord
{
    public required Finding Finding { get; init; }
}

/// <summary>How a training ended: a reason, or an error. A log without one was cut off.</summary>
internal sealed record EndRecord : LogRecord
{
    public string Reason { get; init; } = "";
    public string? Error { get; init; }
    public int Epochs { get; init; }
    public long Steps { get; init; }
    public double Seconds { get; init; }
    public int? KeptEpoch { get; init; }
}
