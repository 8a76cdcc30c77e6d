using System.Diagnostics;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>The same training with log, report, TensorBoard files, sampling and diagnosis on and off, in turns, in one process: what watching costs.</summary>
internal static class MonitoringOverhead
{
    /// <summary>Prints the table.</summary>
    /// <param name="training">What is trained.</param>
    /// <param name="epochs">Epochs of each training; one before warms up.</param>
    /// <param name="rounds">How many pairs.</param>
    public static void Run(MonitoredTraining training, int epochs, int rounds)
    {
        Console.WriteLine($"{training.Title}, {epochs} epochs; whole Fit, validations included.");
        Console.WriteLine("| round | off, s | on, s | ratio | off, processor s | on, processor s | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        Measure(training, 1, isWatched: true);
        var ratios = new List<(double Wall, double Processor)>();
        for (var round = 1; round <= rounds; round++)
        {
            // Who goes first changes, so that a machine that slows down harms both.
            var first = Measure(training, epochs, isWatched: round % 2 == 0);
            var second = Measure(training, epochs, isWatched: round % 2 == 1);
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
                $"Overhead (median): {Timing.Median(ratios.Select(r => r.Wall)) - 1:P1} of the time, {Timing.Median(ratios.Select(r => r.Processor)) - 1:P1} of the processor time."
            )
        );
    }

    private static (double Wall, double Processor) Measure(MonitoredTraining training, int epochs, bool isWatched)
    {
        var folder = Directory.CreateTempSubdirectory("monitoring").FullName;
        try
        {
            var fit = training.Prepare(options =>
            {
                options.Epoch = epochs;
                options.Diagnosis = isWatched;
                if (isWatched)
                    (options.TrainingLogFile, options.ReportFile, options.TensorBoardFolder) = (
                        Path.Combine(folder, "training.jsonl"),
                        Path.Combine(folder, "report.html"),
                        Path.Combine(folder, "tensorboard")
                    );
            });
            using var process = Process.GetCurrentProcess();
            var (wall, processor) = (Stopwatch.StartNew(), process.TotalProcessorTime);
            fit().Dispose();
            process.Refresh();
            return (wall.Elapsed.TotalSeconds, (process.TotalProcessorTime - processor).TotalSeconds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
