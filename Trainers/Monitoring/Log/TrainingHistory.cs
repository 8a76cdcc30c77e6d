using System.Text.Json;

namespace MLNetLosses.Training;

/// <summary>A training as its log tells it: what a diagnosis and a report are made from.</summary>
internal sealed class TrainingHistory
{
    // A report shows some hundred points and a diagnosis needs no more than these: memory does not grow with the steps.
    private const int MostSteps = 4000;

    private readonly List<StepsRecord> steps = [];
    private readonly List<EpochRecord> epochs = [];
    private readonly List<Finding> told = [];

    public RunRecord Run { get; private set; } = new();
    public IReadOnlyList<StepsRecord> Steps => steps;
    public IReadOnlyList<EpochRecord> Epochs => epochs;

    /// <summary>What was found, in the order in which it was; each as it was last told.</summary>
    public IReadOnlyList<Finding> Findings
    {
        get
        {
            var last = new List<Finding>();
            foreach (var finding in told)
            {
                var at = last.FindLastIndex(f => f.Kind == finding.Kind && f.Subject == finding.Subject && f.State != FindingState.Over);
                if (at < 0 || finding.State == FindingState.Found)
                    last.Add(finding);
                else
                    last[at] = finding;
            }
            return last;
        }
    }

    /// <summary>How it ended; null: it still runs or was cut off.</summary>
    public EndRecord? End { get; private set; }

    /// <summary>The error that a diagnosis looks at: which value became no number.</summary>
    public string? Error => End?.Error;

    public long LastStep => Math.Max(steps is [.., var s] ? s.Step : 0, epochs is [.., var e] ? e.Step : 0);

    /// <summary>The best validated epoch, else the last; null where there is none.</summary>
    public EpochRecord? Best => epochs.LastOrDefault(e => e.IsBest) ?? epochs.LastOrDefault();

    public void Add(LogRecord record)
    {
        switch (record)
        {
            case RunRecord run:
                // What came after the checkpoint was done again, or never finished.
                steps.RemoveAll(s => s.Step > run.ResumedAfterStep);
                epochs.RemoveAll(e => e.Step > run.ResumedAfterStep);
                told.RemoveAll(f => f.Step > run.ResumedAfterStep);
                (Run, End) = (run, null);
                break;
            case StepsRecord interval:
                steps.Add(interval);
                if (steps.Count > MostSteps)
                    ThinOut();
                break;
            case EpochRecord epoch:
                epochs.Add(epoch);
                break;
            case FindingRecord finding:
                told.Add(finding.Finding);
                break;
            case EndRecord end:
                End = end;
                break;
        }
    }

    // Every other interval of the older half goes.
    private void ThinOut()
    {
        var kept = 0;
        for (var i = 0; i < steps.Count; i++)
            if (i >= MostSteps / 2 || i % 2 == 0)
                steps[kept++] = steps[i];
        steps.RemoveRange(kept, steps.Count - kept);
    }

    /// <summary>Reads a log. A last line that was cut off is passed over, and so are kinds of lines that this version does not know.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">A line is damaged; the message says which.</exception>
    public static TrainingHistory Read(string path)
    {
        var history = new TrainingHistory();
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        var text = reader.ReadToEnd(); // a run's log is some megabytes
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length - 1; i++) // what follows the last line break is no whole line
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
                continue;
            try
            {
                if (LogJson.Read(lines[i]) is { } record)
                    history.Add(record);
            }
            catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException)
            {
                throw new InvalidDataException($"'{path}', line {i + 1} is no line of a training log: {error.Message}", error);
            }
        }
        return history;
    }
}
