using System.Diagnostics;
using System.Text.Json;

namespace MLNetLosses.Benchmarks;

/// <summary>Runs one command of this program in a process of its own, so that its peak memory is its own.</summary>
internal static class OwnProcess
{
    /// <summary>The JSON line that the command prints.</summary>
    public static TResult Run<TResult>(string command, params string[] arguments)
    {
        using var process = Process.Start(Command(command, arguments))!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<TResult>(output.Split('\n').Last(line => line.StartsWith('{')))!
            : throw new IOException($"The run failed: {output}");
    }

    /// <summary>How to start a command of this program, whose output the caller reads.</summary>
    public static ProcessStartInfo Command(string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(OwnProcess).Assembly.Location);
        start.ArgumentList.Add(command);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }
}
