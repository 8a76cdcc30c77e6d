using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using MLNetLosses.Losses;
using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>
/// The most memory that one forward and backward of each pixel loss holds at once beyond its inputs, the gradient of the logits included, in multiples of the
/// logits. Every loss of the catalog that may stand on pixels, in every form of targets that it takes. Each has a process of its own, since a process's peak does
/// not sink; a small step before has the code loaded.
/// </summary>
internal static class MemoryTable
{
    private const double Goal = 3;
    private const string Refused = "refused: ";

    // Logits of 67 to 88 megabytes each, so that what a process needs anyway does not count.
    private static readonly Dictionary<PixelForm, long[]> Shapes = new()
    {
        [PixelForm.MultiClass] = [4, 21, 512, 512],
        [PixelForm.Probabilities] = [4, 21, 512, 512],
        [PixelForm.Binary] = [4, 1, 2048, 2048],
        [PixelForm.MultiLabel] = [4, 20, 512, 512],
    };

    private static readonly Dictionary<string, string> NotOnImages = new()
    {
        ["AveragePrecision"] = "ranks a batch: positives x elements",
        ["RankSort"] = "ranks a batch: positives x elements",
    };

    public static void Run(string only, int threads)
    {
        Console.WriteLine($"| loss | targets | logits | peak beyond the inputs, MB | in logits | above {Goal} |");
        Console.WriteLine("| --- | --- | --- | ---: | ---: | --- |");
        var refusals = new List<string>();
        foreach (var loss in LossCatalog.For<SegmentationLoss>())
        {
            if (!loss.Name.Contains(only, StringComparison.OrdinalIgnoreCase))
                continue;
            if (NotOnImages.TryGetValue(loss.Name, out var reason))
            {
                refusals.Add($"{loss.Name}: {reason}");
                continue;
            }
            var takesIndices = Print(loss, PixelForm.MultiClass, threads, refusals);
            if (!takesIndices)
                Print(loss, PixelForm.Probabilities, threads, refusals);
            Print(loss, PixelForm.Binary, threads, refusals);
            Print(loss, PixelForm.MultiLabel, threads, refusals);
        }
        if (refusals.Count > 0)
            Console.WriteLine("\nNot measured:");
        foreach (var refusal in refusals)
            Console.WriteLine($"- {refusal}");
    }

    /// <returns>Whether the loss takes such targets.</returns>
    private static bool Print(LossInfo loss, PixelForm form, int threads, List<string> refusals)
    {
        var start = OwnProcess.Command(
            "memory-run",
            "--only",
            loss.Name,
            "--form",
            form.ToString(),
            "--threads",
            threads.ToString(CultureInfo.InvariantCulture)
        );
        start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var line = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        if (line.StartsWith(Refused, StringComparison.Ordinal))
        {
            refusals.Add($"{loss.Name}, {form}: {line[Refused.Length..]}");
            return false;
        }
        var shape = Shapes[form];
        var cells = $"| {loss.Name} | {form} | [{string.Join(",", shape)}]";
        if (process.ExitCode != 0 || !double.TryParse(line, CultureInfo.InvariantCulture, out var bytes))
        {
            Console.WriteLine($"{cells} | error: {errors.Result.Split('\n').FirstOrDefault(text => text.Contains("xception"))} | | |");
            return true;
        }
        var ratio = bytes / shape.Aggregate(4L, (product, size) => product * size);
        Console.WriteLine(
            FormattableString.Invariant($"{cells} | {bytes / 1e6:0} | {ratio:0.0} | {(Math.Round(ratio, 1) > Goal ? "above" : "")} |")
        );
        return true;
    }

    /// <summary>Prints the bytes of one loss, or why it refuses such targets.</summary>
    public static void Measure(string name, PixelForm form, int threads)
    {
        torch.set_num_threads(threads);
        var loss = Text(LossCatalog.For<SegmentationLoss>().Single(info => info.Name == name), Shapes[form][1]);
        try
        {
            using var small = LossWorkload.Pixels(loss, form, [2, Shapes[form][1], 32, 32]);
            small.Step();
            small.Step();
        }
        catch (Exception refusal) when (refusal is ArgumentException or NotSupportedException)
        {
            Console.WriteLine(Refused + refusal.Message.ReplaceLineEndings(" "));
            return;
        }
        using var work = LossWorkload.Pixels(loss, form, Shapes[form]);
        GC.Collect();
        var before = Now().WorkingSet64;
        work.Step();
        Console.WriteLine((Now().PeakWorkingSet64 - before).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The loss with its defaults; what must be given, as its example has it.</summary>
    private static string Text(LossInfo loss, long classes) =>
        loss.Options.Any(option => option.JsonName == "transitionMatrix")
            ? ClassificationFormulas.Corrected(loss.Name, Math.Max(2, (int)classes))
        : loss.Options.Any(option => option.Required) ? loss.Type.GetCustomAttribute<DefinitionExampleAttribute>()!.Text
        : loss.Name;

    private static Process Now() => Process.GetCurrentProcess();
}
