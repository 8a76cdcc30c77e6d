using System.Text;
using static System.StringComparison;

namespace MLNetLosses.Training;

/// <summary>
/// Writes a training as a file of events that TensorBoard shows: numbers over steps and epochs, pictures of the hardest rows (of each epoch that is the best so
/// far; without validation of the last), pictures that the validation gives, texts (loss, settings, findings), and the settings as hyper-parameters.
/// </summary>
internal sealed class TensorBoardWriter : IRecordWriter
{
    private const int MostPictures = 8;
    private static int files;
    private readonly RecordFile file;
    private readonly MonitoringOptions options;
    private bool isDescribed;

    /// <exception cref="IOException">The folder cannot be written.</exception>
    public TensorBoardWriter(MonitoringOptions options)
    {
        this.options = options;
        var folder = Path.GetFullPath(options.TensorBoardFolder!);
        var now = DateTimeOffset.UtcNow;
        try
        {
            Directory.CreateDirectory(folder);
            var name =
                $"events.out.tfevents.{now.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{Interlocked.Increment(ref files)}";
            file = new RecordFile(Path.Combine(folder, name));
            file.Write(EventMessages.Version(now).ToArray());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"TensorBoard's files cannot be written to '{folder}': {error.Message} Choose another place.", error);
        }
    }

    /// <summary>Pictures that the validation of the next epoch to be written gave.</summary>
    public IReadOnlyList<ReportPicture> Pictures { get; set; } = [];

    public void Write(LogRecord record, TrainingHistory history)
    {
        switch (record)
        {
            case RunRecord run:
                // What an earlier training left in the folder is no part of this one.
                file.Write(EventMessages.Restart(run.Time, run.ResumedAfterStep == 0 ? 0 : run.ResumedAfterStep + 1).ToArray());
                Put(run, run.ResumedAfterStep, Begin(run));
                break;
            case StepsRecord steps:
                Put(steps, steps.Step, Scalars(Numbers(steps)));
                break;
            case EpochRecord epoch:
                Put(
                    epoch,
                    epoch.Step,
                    [
                        .. Experiment(history.Run, epoch),
                        .. Scalars(Numbers(epoch)),
                        .. epoch.IsBest ? Images(epoch) : [],
                        .. Gallery("predictions", Pictures.Select(p => (p.Title, (byte[]?)p.Content))),
                    ]
                );
                Pictures = [];
                break;
            case FindingRecord { Finding: var finding }:
                Put(record, finding.Step, [EventMessages.Text("finding", Words(finding))]);
                break;
            case EndRecord end:
                if (history.Epochs is [.., var last] && !history.Epochs.Any(e => e.IsBest))
                    Put(end, last.Step, Images(last));
                Put(end, end.Steps, [EventMessages.SessionEnd(end.Time, end.Error is null)]);
                break;
        }
    }

    public void Dispose() => file.Dispose();

    private void Put(LogRecord record, long step, IEnumerable<ProtoMessage> values) =>
        file.Write(EventMessages.Summary(record.Time, step, values).ToArray());

    private static IEnumerable<ProtoMessage> Begin(RunRecord run)
    {
        var chosen = Settings.Of(run).ToList();
        yield return EventMessages.Text("loss", $"```\n{run.Loss}\n```");
        yield return EventMessages.Text("settings", Table(chosen));
        yield return EventMessages.Text("data", Table(run.Data));
        yield return EventMessages.Text("environment", Table(run.Environment));
        yield return EventMessages.SessionStart(run.Time, chosen);
    }

    // What is measured is known when the first epoch is done; TensorBoard keeps what it is told first.
    private IEnumerable<ProtoMessage> Experiment(RunRecord run, EpochRecord epoch)
    {
        if (isDescribed)
            yield break;
        isDescribed = true;
        yield return EventMessages.Experiment(
            run.Time,
            Settings.Of(run).Select(s => s.Key),
            Numbers(epoch).Select(n => n.Tag).Where(tag => tag.StartsWith("train/", Ordinal) || tag.StartsWith("validation/", Ordinal))
        );
    }

    private static IEnumerable<ProtoMessage> Scalars(IEnumerable<(string Tag, double? Value)> numbers) =>
        numbers.Where(n => n.Value is not null).Select(n => EventMessages.Scalar(n.Tag, n.Value!.Value));

    private static IEnumerable<(string Tag, double? Value)> Numbers(StepsRecord steps)
    {
        yield return ("loss/total", steps.Loss);
        if (steps.Terms.Count > 1)
            foreach (var (name, term) in steps.Terms)
            {
                yield return ($"loss/{name}", term.Weighted);
                yield return ($"loss weight/{name}", term.Weight);
                yield return ($"gradient norm/{name}", term.GradientNorm);
            }
        foreach (var (pair, cosine) in steps.GradientCosines ?? new Dictionary<string, double>())
            yield return ($"gradient cosine/{pair}", cosine);
        yield return ("gradient norm/total", steps.GradientNorm);
        yield return ("optimizer/learning rate", steps.LearningRate);
        yield return ("optimizer/update ratio", steps.UpdateRatio);
        yield return ("speed/images per second", steps.ImagesPerSecond);
        yield return ("speed/share of waiting for data", steps.WaitShare);
        yield return ("memory/process MB", steps.Memory?.ProcessBytes / 1e6);
        foreach (var (name, state) in steps.LossState ?? new Dictionary<string, StateRecord>())
        {
            for (var i = 0; i < state.Values?.Count; i++)
                yield return (state.Values.Count == 1 ? $"loss state/{name}" : $"loss state/{name}[{i}]", state.Values[i]);
            if (state.Norm is { } norm)
                yield return ($"loss state/{name} norm", norm);
        }
    }

    private static IEnumerable<(string Tag, double? Value)> Numbers(EpochRecord epoch)
    {
        yield return ("train/loss", epoch.Train.Loss);
        foreach (var (name, value) in epoch.Train.Metrics)
            yield return ($"train/{name}", value);
        foreach (var (name, value) in epoch.Validation?.Metrics ?? new Dictionary<string, double>())
            yield return ($"validation/{name}", value);
        foreach (var found in epoch.Validation?.Classes ?? [])
        foreach (var (name, value) in found.Values)
            if (name != "count")
                yield return ($"class {name}/{found.Name}", value);
    }

    private IEnumerable<ProtoMessage> Images(EpochRecord epoch) =>
        [
            .. Rows("hardest validation rows", epoch.Validation?.HardestRows ?? [], isValidation: true),
            .. Rows("hardest training rows", epoch.Train.HardestRows, isValidation: false),
        ];

    private IEnumerable<ProtoMessage> Rows(string tag, IReadOnlyList<RowFinding> rows, bool isValidation) =>
        options.Picture is not { } picture
            ? []
            : Gallery(
                tag,
                rows.Take(MostPictures)
                    .Select(row => (Words(row), Content: picture(new(row.Row, isValidation))))
                    .Where(p => p.Content is not null)
            );

    // A place keeps its tag, so that a slider goes through the epochs; what a place shows at an epoch is said in a text beside it.
    private static IEnumerable<ProtoMessage> Gallery(string tag, IEnumerable<(string Words, byte[]? Content)> pictures)
    {
        var shown = new List<KeyValuePair<string, string>>();
        foreach (var (words, content) in pictures.Take(MostPictures))
        {
            if (PictureFormat.Of(content) is not { } format)
                continue;
            shown.Add(new($"{shown.Count + 1}", words));
            yield return EventMessages.Image($"{tag}/{shown.Count}", content!, format.Width, format.Height);
        }
        if (shown.Count > 0)
            yield return EventMessages.Text(tag, Table(shown));
    }

    private static string Words(Finding finding) =>
        finding.State == FindingState.Over
            ? $"**{finding.Title}**: {finding.Time}  \nIt was: {finding.Evidence}"
            : $"**{finding.Title}**{(finding.State == FindingState.Worse ? $", worse, {finding.Time}" : "")}  \n{finding.Evidence}  \n*Try:* {finding.Advice}";

    private static string Words(RowFinding row) =>
        string.Join(
            ", ",
            new[]
            {
                $"row {row.Row}",
                row.Label is null ? null : $"label {row.Label}",
                row.Predicted is null ? null : $"predicted {row.Predicted}",
                $"{row.Measure ?? "loss"} {Html.Number(row.Loss)}",
                row.Source,
            }.OfType<string>()
        );

    private static string Table(IEnumerable<KeyValuePair<string, string>> rows)
    {
        var text = new StringBuilder("| | |\n|---|---|\n");
        foreach (var (name, value) in rows)
            text.Append($"| {Cell(name)} | {Cell(value)} |\n");
        return text.ToString();

        static string Cell(string value) => value.Replace("|", "\\|", Ordinal).ReplaceLineEndings(" ");
    }
}
