using System.Globalization;
using System.Text.Json;
using MLNetLosses.Networks;

namespace MLNetLosses.Benchmarks;

/// <summary>Training and scoring from image files, ours and PyTorch's in turn: images a second, memory, ratios.</summary>
internal static class ClassifierComparison
{
    public static void Run(PeerScript? peers, string data, string model, int size, int epochs, int batch, int rounds, int threads)
    {
        var backbone = model switch
        {
            "resnet20" => Backbone.ResNet20Cifar,
            "resnet18" => Backbone.ResNet18,
            _ => throw new ArgumentException($"--model {model}: resnet20 or resnet18."),
        };
        var ours = new List<ClassifierRun.Result>();
        var theirs = new List<JsonElement>();
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(
                OwnProcess.Run<ClassifierRun.Result>(
                    "classifier-run",
                    "--data",
                    data,
                    "--model",
                    backbone.ToString(),
                    "--image-size",
                    Text(size),
                    "--epochs",
                    Text(epochs),
                    "--batch-size",
                    Text(batch),
                    "--seed",
                    Text(round + 1),
                    "--threads",
                    Text(threads)
                )
            );
            Console.Error.WriteLine($"ours    {ours[^1]}");
            if (peers is null)
                continue;
            theirs.Add(
                peers.Json(
                    "classification.py",
                    "--data",
                    data,
                    "--model",
                    model,
                    "--stem",
                    "standard",
                    "--size",
                    Text(size),
                    "--epochs",
                    Text(epochs),
                    "--batch",
                    Text(batch),
                    "--seed",
                    Text(round + 1),
                    "--threads",
                    Text(threads)
                )
            );
            Console.Error.WriteLine($"PyTorch {theirs[^1]}");
        }
        Console.WriteLine(
            $"| {model}, {size}x{size}, batch {batch}, {threads} threads, {rounds} rounds | ours | PyTorch | ours / PyTorch |"
        );
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Row(
            "training images/s, from files",
            ours.Select(r => r.TrainImagesPerSecond),
            theirs.Select(t => t.GetProperty("images_per_s").GetDouble())
        );
        Row(
            "scoring images/s, from files",
            ours.Select(r => r.ScoreImagesPerSecond),
            theirs.Select(t => t.GetProperty("val").GetProperty("images_per_s").GetDouble())
        );
        Row(
            "peak memory MB (PyTorch: main process)",
            ours.Select(r => (double)r.PeakMegabytes),
            theirs.Select(t => t.GetProperty("peak_rss_mb").GetDouble())
        );
        Row(
            "peak memory MB (PyTorch: with two workers)",
            ours.Select(r => (double)r.PeakMegabytes),
            theirs.Select(t => t.GetProperty("peak_rss_mb").GetDouble() + 2 * t.GetProperty("peak_rss_worker_mb").GetDouble())
        );
        Row("accuracy on val", ours.Select(r => r.Accuracy), theirs.Select(t => t.GetProperty("val").GetProperty("accuracy").GetDouble()));
    }

    private static void Row(string what, IEnumerable<double> ours, IEnumerable<double> theirs)
    {
        var (mine, their) = (Timing.Median(ours), Timing.Median(theirs));
        Console.WriteLine($"| {what} | {Number(mine)} | {Number(their)} | {mine / their:0.00} |");
    }

    private static string Number(double value) => value.ToString(value < 2 ? "0.000" : "0", CultureInfo.InvariantCulture);

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
