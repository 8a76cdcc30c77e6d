using System.Diagnostics;

namespace MLNetLosses.Training;

/// <summary>Writes the report at the start, at the end, and after epochs as long as that takes no more than a two hundredth of the time.</summary>
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
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options.ReportFile!))!);
            using var probe = new FileStream(options.ReportFile!, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
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
        // At the start too: what an earlier training left is not to be taken for this one's.
        if (record is RunRecord or EndRecord || (record is EpochRecord && whole.Elapsed.TotalSeconds > 1 && budget.Allows))
            budget.Run(() => TrainingReport.Save(options.ReportFile!, ReportPage.Make(history, options.Picture, Pictures, options.Legend)));
    }

    public void Dispose() { }
}
