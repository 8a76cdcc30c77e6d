using System.Diagnostics;
using System.Globalization;
using MLNetLosses.Losses;
using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>
/// The most memory that one forward and backward of each pixel loss holds at once beyond its inputs, the gradient of the logits included, in multiples of the
/// logits. Each loss has a process of its own, since a process's peak does not sink; a small step before has the code loaded.
/// </summary>
internal static class MemoryTable
{
    private const int Side = 512;

    public static void Run(string only, int threads)
    {
        Console.WriteLine($"| loss on [4,21,{Side},{Side}] | peak beyond the inputs, MB | in logits |");
        Console.WriteLine("| --- | ---: | ---: |");
        // Those around another loss hold what that one holds.
        var losses = LossCatalog
            .For<SegmentationLoss>()
            .Where(loss => loss.Family == "Segmentation" && !loss.Options.Any(option => option.Required))
            .Select(loss => loss.Name);
        foreach (var loss in losses.Prepend("Focal").Prepend("CrossEntropy"))
        {
            if (!loss.Contains(only, StringComparison.OrdinalIgnoreCase))
                continue;
            var start = OwnProcess.Command("memory-run", "--only", loss, "--threads", threads.ToString(CultureInfo.InvariantCulture));
            start.RedirectStandardError = true;
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var line = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            var logits = 4L * 4 * 21 * Side * Side;
            Console.WriteLine(
                process.ExitCode == 0
                    ? FormattableString.Invariant(
                        $"| {loss} | {double.Parse(line, CultureInfo.InvariantCulture) / 1e6:0} | {double.Parse(line, CultureInfo.InvariantCulture) / logits:0.0} |"
                    )
                    : $"| {loss} | {errors.Result.Split('\n').FirstOrDefault(text => text.Contains("Exception"))} | |"
            );
        }
    }

    /// <summary>Prints the bytes of one loss.</summary>
    public static void Measure(string loss, int threads)
    {
        torch.set_num_threads(threads);
        using (var small = LossWorkload.Pixels(loss, side: 32))
        {
            small.Step();
            small.Step();
        }
        using var work = LossWorkload.Pixels(loss, Side);
        GC.Collect();
        var before = Now().WorkingSet64;
        work.Step();
        Console.WriteLine((Now().PeakWorkingSet64 - before).ToString(CultureInfo.InvariantCulture));
    }

    private static Process Now() => Process.GetCurrentProcess();
}
