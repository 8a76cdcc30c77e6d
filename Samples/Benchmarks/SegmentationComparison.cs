using System.Globalization;
using System.Text.Json;

namespace MLNetLosses.Benchmarks;

/// <summary>Training and prediction of a segmentation network from files, ours and PyTorch's in turn: images a second, memory, mean IoU, ratios.</summary>
internal static class SegmentationComparison
{
    /// <summary>Our text for the losses that segmentation.py names.</summary>
    public static string LossOf(string name) =>
        name switch
        {
            "ce" => "CrossEntropy()",
            "dice" => "Dice(perImage: false, presentClassesOnly: true)",
            "ce+dice" => "CrossEntropy() + Dice(perImage: false, presentClassesOnly: true)",
            "lovasz" => "Lovasz()",
            _ => throw new ArgumentException($"--losses {name}: ce, dice, ce+dice or lovasz."),
        };

    public static void Run(PeerScript? peers, SegmentationRun.Setting setting, IReadOnlyList<string> losses, int rounds)
    {
        foreach (var loss in losses)
            Compare(peers, setting with { Loss = LossOf(loss) }, loss, rounds);
    }

    private static void Compare(PeerScript? peers, SegmentationRun.Setting setting, string loss, int rounds)
    {
        var ours = new List<SegmentationRun.Result>();
        var theirs = new List<JsonElement>();
        for (var round = 0; round < rounds; round++)
        {
            var one = setting with { Seed = round + 1 };
            ours.Add(one.RunInOwnProcess());
            Console.Error.WriteLine($"ours    {JsonSerializer.Serialize(ours[^1])}");
            if (peers is null)
                continue;
            string[] test = TestParent(setting) is { } parent ? ["--test", parent] : [];
            theirs.Add(
                peers.Json(
                    "segmentation.py",
                    [
                        "--data",
                        one.Data,
                        "--size",
                        one.Size,
                        "--loss",
                        loss,
                        "--epochs",
                        Text(one.Epochs),
                        "--batch",
                        Text(one.Batch),
                        "--seed",
                        Text(one.Seed),
                        "--threads",
                        Text(one.Threads),
                        .. test,
                    ]
                )
            );
            Console.Error.WriteLine($"PyTorch {theirs[^1]}");
        }
        double[] Their(Func<JsonElement, JsonElement> figure) => [.. theirs.Select(t => figure(t).GetDouble())];
        Console.WriteLine(
            $"| U-Net ResNet18, {loss}, {setting.Size}, batch {setting.Batch}, {setting.Epochs} epochs, {setting.Threads} threads, {rounds} rounds | ours | PyTorch | ours / PyTorch |"
        );
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Row(
            "training images/s, from files",
            ours.Select(r => r.TrainImagesPerSecond),
            Their(t => t.GetProperty("images_per_s")),
            Timing.Median
        );
        Row(
            "prediction images/s, from files (PyTorch: with its figures)",
            ours.Select(r => r.ScoreImagesPerSecond),
            Their(t => t.GetProperty("val").GetProperty("images_per_s")),
            Timing.Median
        );
        Row(
            "peak memory MB (PyTorch: main process)",
            ours.Select(r => (double)r.PeakMegabytes),
            Their(t => t.GetProperty("peak_rss_mb")),
            Timing.Median
        );
        Row(
            "mean IoU on val at the masks' size, mean",
            ours.Select(r => r.Validation.MeanIoU),
            Their(t => t.GetProperty("val").GetProperty("miou_full_size")),
            Enumerable.Average
        );
        if (ours[0].Test is not null)
            Row(
                "mean IoU on test at the masks' size, mean",
                ours.Select(r => r.Test!.MeanIoU),
                TestParent(setting) is null ? [] : Their(t => t.GetProperty("test").GetProperty("miou_full_size")),
                Enumerable.Average
            );
        Console.WriteLine();
    }

    /// <summary>The script takes the folder above one named test.</summary>
    private static string? TestParent(SegmentationRun.Setting setting) =>
        Path.GetFileName(Path.TrimEndingDirectorySeparator(setting.Test)) == "test"
            ? Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(setting.Test))
            : null;

    private static void Row(string what, IEnumerable<double> ours, double[] theirs, Func<IEnumerable<double>, double> middle)
    {
        var mine = middle(ours);
        var their = theirs.Length == 0 ? double.NaN : middle(theirs);
        Console.WriteLine(
            $"| {what} | {Number(mine)} | {Number(their)} | {(mine / their).ToString("0.00", CultureInfo.InvariantCulture)} |"
        );
    }

    private static string Number(double value) =>
        value.ToString(
            value < 2 ? "0.0000"
                : value < 100 ? "0.0"
                : "0",
            CultureInfo.InvariantCulture
        );

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
