using System.Diagnostics;
using Microsoft.ML;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>The same training with log, report, TensorBoard files, sampling and diagnosis on and off, in turns, in one process: what watching costs.</summary>
internal static class MonitoringOverhead
{
    public static void Run(string data, Backbone backbone, int size, int epochs, int batch, int rounds, int threads)
    {
        Console.WriteLine(
            $"{backbone}, {size} pixels, {epochs} epochs, batches of {batch}, {threads} threads; whole Fit, validations included."
        );
        Console.WriteLine("| round | off, s | on, s | ratio | off, processor s | on, processor s | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        Measure(data, backbone, size, 1, batch, threads, isWatched: true); // warms up
        var ratios = new List<(double Wall, double Processor)>();
        for (var round = 1; round <= rounds; round++)
        {
            // Who goes first changes, so that a machine that slows down harms both.
            var first = Measure(data, backbone, size, epochs, batch, threads, isWatched: round % 2 == 0);
            var second = Measure(data, backbone, size, epochs, batch, threads, isWatched: round % 2 == 1);
            var (off, on) = round % 2 == 1 ? (first, second) : (second, first);
            ratios.Add((on.Wall / off.Wall, on.Processor / off.Processor));
            Console.WriteLine(
                FormattableString.Invariant(
                    $"| {round} | {off.Wall:0.0} | {on.Wall:0.0} | {on.Wall / off.Wall:0.000} | {off.Processor:0.0} | {on.Processor:0.0} | {on.Processor / off.Processor:0.000} |"
                )
            );
        }
        Console.WriteLine(
            FormattableString.Invariant(
                $"Overhead (median): {Median(ratios.Select(r => r.Wall)) - 1:P1} of the time, {Median(ratios.Select(r => r.Processor)) - 1:P1} of the processor time."
            )
        );
    }

    private static (double Wall, double Processor) Measure(
        string data,
        Backbone backbone,
        int size,
        int epochs,
        int batch,
        int threads,
        bool isWatched
    )
    {
        var mlContext = new MLContext(1);
        var train = ImageClassifierData.Load(mlContext, Path.Combine(data, "train"));
        var keys = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(train);
        var folder = Directory.CreateTempSubdirectory("monitoring").FullName;
        try
        {
            var options = new ImageClassificationTrainer.Options
            {
                FeatureColumnName = nameof(ImageClassifierData.Row.ImagePath),
                Loss = new CrossEntropyLoss() + 0.5 * new FocalLoss(),
                Backbone = backbone,
                ImageSize = size,
                BatchSize = batch,
                Epoch = epochs,
                Optimizer = new Sgd { LearningRate = 0.05, Nesterov = true },
                ValidationSet = keys.Transform(ImageClassifierData.Load(mlContext, Path.Combine(data, "val"))),
                Threads = threads,
                Diagnosis = isWatched,
            };
            if (isWatched)
                (options.TrainingLogFile, options.ReportFile, options.TensorBoardFolder) = (
                    Path.Combine(folder, "training.jsonl"),
                    Path.Combine(folder, "report.html"),
                    Path.Combine(folder, "tensorboard")
                );
            var keyed = keys.Transform(train);
            using var process = Process.GetCurrentProcess();
            var (wall, processor) = (Stopwatch.StartNew(), process.TotalProcessorTime);
            mlContext.MulticlassClassification.Trainers.ImageClassification(options).Fit(keyed).Dispose();
            process.Refresh();
            return (wall.Elapsed.TotalSeconds, (process.TotalProcessorTime - processor).TotalSeconds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
