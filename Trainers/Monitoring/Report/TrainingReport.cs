using System.Text;
using MLNetLosses.Networks;

namespace MLNetLosses.Training;

/// <summary>Makes reports from training logs, also of trainings that still run or were killed.</summary>
public static class TrainingReport
{
    /// <summary>Writes the report of a training, as <see cref="MonitoringOptions.ReportFile"/> does while it runs.</summary>
    /// <param name="log">The training log, or the folder that holds it as <c>training.jsonl</c>.</param>
    /// <param name="reportFile">The HTML file to write.</param>
    /// <exception cref="IOException">The log cannot be read, or the report not be written.</exception>
    /// <exception cref="InvalidDataException">The log is damaged; the message says in which line.</exception>
    public static void Write(string log, string reportFile)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reportFile);
        Save(reportFile, ReportPage.Make(TrainingHistory.Read(LogOf(log))));
    }

    /// <summary>Writes a page that compares trainings: what differs in their settings, their metrics, their curves over each other.</summary>
    /// <param name="logs">Training logs, or folders that hold them as <c>training.jsonl</c>; two or more.</param>
    /// <param name="reportFile">The HTML file to write.</param>
    /// <exception cref="ArgumentException">There are fewer than two.</exception>
    /// <exception cref="IOException">A log cannot be read, or the report not be written.</exception>
    /// <exception cref="InvalidDataException">A log is damaged; the message says in which line.</exception>
    public static void Compare(IReadOnlyList<string> logs, string reportFile)
    {
        ArgumentNullException.ThrowIfNull(logs);
        ArgumentException.ThrowIfNullOrWhiteSpace(reportFile);
        if (logs.Count < 2)
            throw new ArgumentException($"Two trainings or more can be compared; {logs.Count} given.", nameof(logs));
        var paths = logs.Select(LogOf).ToList();
        Save(reportFile, ComparisonPage.Make([.. paths.Select(path => (NameOf(path, paths), TrainingHistory.Read(path)))]));
    }

    internal static void Save(string path, string page)
    {
        var target = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        AtomicFile.Write(target, stream => stream.Write(Encoding.UTF8.GetBytes(page)));
    }

    private static string LogOf(string log)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(log);
        var path = Directory.Exists(log) ? Path.Combine(log, "training.jsonl") : log;
        return File.Exists(path)
            ? Path.GetFullPath(path)
            : throw new FileNotFoundException($"There is no training log '{path}'. A training writes one where its options name it.", path);
    }

    // As short as tells them apart: the folder's name, or with its parents.
    private static string NameOf(string path, List<string> all)
    {
        var parts = path.Split(Path.DirectorySeparatorChar);
        for (var count = 2; count <= parts.Length; count++)
        {
            var name = string.Join('/', parts[^count..^1]);
            if (
                all.Count(other =>
                    string.Join(
                        '/',
                        other.Split(Path.DirectorySeparatorChar)[^Math.Min(count, other.Split(Path.DirectorySeparatorChar).Length)..^1]
                    ) == name
                ) == 1
            )
                return name;
        }
        return path;
    }
}
