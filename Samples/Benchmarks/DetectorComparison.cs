using System.Globalization;
using System.Text.Json;

namespace MLNetLosses.Benchmarks;

/// <summary>Training and scoring of a detector from files, ours and torchvision's in turn with one recipe: precision, images a second, memory, ratios.</summary>
internal static class DetectorComparison
{
    // What the script calls its losses on boxes.
    private static readonly Dictionary<string, string> PeerLosses = new()
    {
        ["l1"] = "MeanAbsoluteError()",
        ["smooth_l1"] = "SmoothL1(beta: 1)",
        ["giou"] = "GeneralizedIoU()",
        ["diou"] = "DistanceIoU()",
        ["ciou"] = "CompleteIoU()",
    };

    public static void Run(PeerScript? peers, DetectorRun.Setting setting, string loss, int rounds)
    {
        var box = PeerLosses.TryGetValue(loss, out var known)
            ? known
            : throw new ArgumentException($"--peer-loss {loss}: allowed are {string.Join(", ", PeerLosses.Keys)}.");
        var ours = new List<DetectorRun.Result>();
        var theirs = new List<JsonElement>();
        var (ourJobs, theirJobs) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            var seeded = setting with { Box = box, Seed = round + 1 };
            var (run, ourMemory) = JobMemory.During(seeded.RunInOwnProcess);
            ours.Add(run);
            ourJobs.Add(ourMemory);
            Console.Error.WriteLine($"ours    {JsonSerializer.Serialize(ours[^1])}");
            if (peers is null)
                continue;
            var (result, theirMemory) = JobMemory.During(() =>
                peers.Json(
                    "detection.py",
                    [
                        "--data",
                        setting.Data,
                        .. setting.Test.Length == 0 ? Array.Empty<string>() : ["--test", setting.Test],
                        "--size",
                        Text(setting.Size),
                        "--loss",
                        loss,
                        "--epochs",
                        Text(setting.Epochs),
                        "--batch",
                        Text(setting.Batch),
                        "--seed",
                        Text(round + 1),
                        "--threads",
                        Text(setting.Threads),
                    ]
                )
            );
            theirs.Add(result);
            theirJobs.Add(theirMemory);
            Console.Error.WriteLine($"PyTorch {theirs[^1]}");
        }
        Console.WriteLine(
            $"| RetinaNet ResNet18, {setting.Size}, focal + {loss}, batch {setting.Batch}, {setting.Epochs} epochs, {setting.Threads} threads, {rounds} rounds | ours | torchvision | ours / torchvision |"
        );
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Row(
            "training images/s, from files",
            ours.Select(r => r.TrainImagesPerSecond),
            theirs.Select(t => Number(t, "images_per_s")),
            Timing.Median
        );
        Row(
            "scoring images/s, from files",
            ours.Select(r => r.ScoreImagesPerSecond),
            theirs.Select(t => Number(t.GetProperty("val"), "images_per_s")),
            Timing.Median
        );
        Row(
            "peak memory MB (main process)",
            ours.Select(r => (double)r.PeakMegabytes),
            theirs.Select(t => Number(t, "peak_rss_mb")),
            Timing.Median
        );
        Row("peak memory MB (all processes, shared pages once)", ourJobs, theirJobs, Timing.Median);
        Precision("val", ours.Select(r => r.Validation));
        if (setting.Test.Length > 0)
            Precision("test", ours.Select(r => r.Test!));

        void Precision(string part, IEnumerable<DetectorRun.Figures> mine)
        {
            var figures = mine.ToArray();
            Row($"{part} AP50, mean", figures.Select(f => f.Ap50), theirs.Select(t => Number(t.GetProperty(part), "ap50")), Mean);
            Row($"{part} mAP, mean", figures.Select(f => f.Map), theirs.Select(t => Number(t.GetProperty(part), "map")), Mean);
        }
    }

    private static void Row(string what, IEnumerable<double> ours, IEnumerable<double> theirs, Func<IEnumerable<double>, double> summary)
    {
        var (mine, their) = (summary(ours), summary(theirs));
        Console.WriteLine($"| {what} | {Text(mine)} | {Text(their)} | {(mine / their).ToString("0.00", CultureInfo.InvariantCulture)} |");
    }

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(double.NaN).Average();

    private static double Number(JsonElement json, string name) => json.GetProperty(name).GetDouble();

    private static string Text(double value) =>
        value.ToString(
            value < 1 ? "0.0000"
                : value < 100 ? "0.00"
                : "0",
            CultureInfo.InvariantCulture
        );

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
