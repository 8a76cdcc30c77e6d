using System.Diagnostics;
using System.Text;

namespace MLNetLosses.Training;

/// <summary>Writes the report at the end, and after epochs as long as that takes no more than a two hundredth of the time.</summary>
internal sealed class ReportWriter : IRecordWriter
{
    private readonly MonitoringOptions options;
    private readonly Stopwatch whole = Stopwatch.StartNew();
    private readonly SamplingBudget budget = new(0.005);

    /// <exception cref="IOException">It cannot be written.</exception>
    public ReportWriter(MonitoringOptions options)
    {
        this.options = options;
        try
        {
            // What an earlier training left stays until there is something to say.
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options.ReportFile!))!);
            using var probe = new FileStream(options.ReportFile!, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
            if (probe.Length == 0)
                probe.Write(Encoding.UTF8.GetBytes(ReportPage.Make(new())));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The report '{options.ReportFile}' cannot be written: {error.Message} Choose another place.", error);
        }
    }

    /// <summary>Pictures of the last validation that gave some.</summary>
    public IReadOnlyList<ReportPicture> Pictures { get; set; } = [];

    public void Write(LogRecord record, TrainingHistory history)
    {
        if (record is EndRecord || (record is EpochRecord && whole.Elapsed.TotalSeconds > 1 && budget.Allows))
            budget.Run(() => TrainingReport.Save(options.ReportFile!, ReportPage.Make(history, options.Picture, Pictures)));
    }

    public void Dispose() { }
}
