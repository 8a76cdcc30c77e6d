namespace MLNetLosses.Training;

/// <summary>Writes what happens in a training somewhere: a log, TensorBoard files, a report.</summary>
internal interface IRecordWriter : IDisposable
{
    /// <param name="record">What happened.</param>
    /// <param name="history">Everything so far, the record included.</param>
    void Write(LogRecord record, TrainingHistory history);
}

/// <summary>The training log.</summary>
internal sealed class LogRecordWriter(string path, bool append) : IRecordWriter
{
    private readonly LogWriter log = new(path, append);

    public void Write(LogRecord record, TrainingHistory history) => log.Write(record);

    public void Dispose() => log.Dispose();
}
