using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MLNetLosses.Benchmarks;

/// <summary>Runs the PyTorch scripts that stand beside this project, and reads what they print.</summary>
/// <param name="Python">An interpreter that has torch and torchvision.</param>
/// <param name="Scripts">The folder with classification.py, losses_speed.py, ...</param>
/// <param name="Peers">The folder with checkouts of the peers.</param>
/// <param name="Blas">A folder with a faster BLAS to put in front; null: none.</param>
/// <param name="Threads">The threads of the run, for that BLAS too.</param>
internal sealed record PeerScript(string Python, string Scripts, string? Peers, string? Blas, int Threads)
{
    /// <summary>The medians in milliseconds of losses_speed.py for the rows that contain a word, by loss, peer and size; or why a row has none.</summary>
    public Dictionary<(string Loss, string Peer, string Size), (double Median, string? Failure)> LossTimes(string word, int seconds)
    {
        var times = new Dictionary<(string, string, string), (double, string?)>();
        var output = Run("losses_speed.py", "--only", word, "--cap", Text(seconds), "--threads", Text(Threads));
        foreach (var line in output.Split('\n'))
        {
            var cells = line.Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length < 7)
                continue;
            if (double.TryParse(cells[4], CultureInfo.InvariantCulture, out var median))
                times[(cells[1], cells[2], cells[3])] = (median, null);
            else if (cells[4].StartsWith("failed", StringComparison.Ordinal))
                times[(cells[1], cells[2], cells[3])] = (double.NaN, cells[4]);
        }
        return times;
    }

    /// <summary>The JSON line that a training script prints.</summary>
    public JsonElement Json(string script, params string[] arguments) =>
        JsonDocument.Parse(Run(script, arguments).Split('\n').Last(line => line.StartsWith('{'))).RootElement;

    private string Run(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(Scripts, script));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        if (Peers is not null)
            start.Environment["PEERS"] = Peers;
        if (Blas is not null)
        {
            start.Environment["LD_LIBRARY_PATH"] = Blas;
            start.Environment["OPENBLAS_NUM_THREADS"] = Text(Threads);
        }
        using var process = Process.Start(start) ?? throw new IOException($"{Python} does not start.");
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new IOException($"{script} failed: {errors.Result}");
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
