using System.Text;

namespace MLNetLosses.Training;

/// <summary>
/// Writes a training log line by line. A line reaches the operating system as a whole before the training goes on, so that a killed process loses at most the line
/// that it was writing; opening the log again cuts such a line off.
/// </summary>
internal sealed class LogWriter : IDisposable
{
    private readonly FileStream file;

    /// <param name="path">The file.</param>
    /// <param name="append">Whether to go on after its last whole line; else it begins anew.</param>
    /// <exception cref="IOException">It cannot be written; the message says so.</exception>
    public LogWriter(string path, bool append)
    {
        Path = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            // No buffer: a write is a call of the operating system.
            file = new FileStream(
                Path,
                append ? FileMode.OpenOrCreate : FileMode.Create,
                FileAccess.ReadWrite,
                FileShare.Read,
                bufferSize: 0
            );
            if (append)
                CutOff(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            throw new IOException($"The training log '{Path}' cannot be written: {error.Message} Choose another place.", error);
        }
    }

    public string Path { get; }

    public void Write(LogRecord record)
    {
        file.Write(Encoding.UTF8.GetBytes(LogJson.Write(record) + "\n"));
        if (record is not StepsRecord)
            file.Flush(flushToDisk: true);
    }

    public void Dispose() => file.Dispose();

    private static void CutOff(FileStream file)
    {
        var end = file.Length;
        var block = new byte[4096];
        while (end > 0)
        {
            var start = Math.Max(0, end - block.Length);
            file.Position = start;
            file.ReadExactly(block, 0, (int)(end - start));
            var at = Array.LastIndexOf(block, (byte)'\n', (int)(end - start) - 1);
            if (at >= 0)
            {
                end = start + at + 1;
                break;
            }
            end = start;
        }
        file.SetLength(end);
        file.Position = end;
    }
}
