using System.Text.Json;

namespace MLNetLosses.Benchmarks;

/// <summary>The results of long runs, a line each in a file, so that a benchmark that was stopped goes on where it was.</summary>
internal static class FinishedRuns
{
    private sealed record Line<TSetting, TResult>(TSetting Setting, TResult Result);

    /// <summary>The result of a run of a setting: from the file where it holds one of an equal setting, else run now and added to it.</summary>
    public static TResult Of<TSetting, TResult>(string file, TSetting setting, Func<TSetting, TResult> run)
        where TSetting : IEquatable<TSetting>
    {
        foreach (var line in File.Exists(file) ? File.ReadLines(file) : [])
            if (JsonSerializer.Deserialize<Line<TSetting, TResult>>(line) is { } finished && finished.Setting.Equals(setting))
            {
                Console.Error.WriteLine($"Not run again but read from {file}; delete the file to measure anew.");
                return finished.Result;
            }
        var result = run(setting);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.AppendAllText(file, JsonSerializer.Serialize(new Line<TSetting, TResult>(setting, result)) + "\n");
        return result;
    }
}
