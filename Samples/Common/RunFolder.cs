using System.Text.Json;
using System.Text.Json.Serialization;
using MLNetLosses.Training;

namespace MLNetLosses.Samples;

/// <summary>The output folder of a run: <c>training.jsonl</c> line by line, <c>metrics.json</c> at the end.</summary>
public sealed class RunFolder : IDisposable
{
    private static readonly JsonSerializerOptions OneLine = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
    };
    private static readonly JsonSerializerOptions Lines = new(OneLine) { WriteIndented = true };

    private readonly StreamWriter log;

    /// <summary>Makes the folder and opens the log; a resumed run appends to it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="resume">Whether to append.</param>
    public RunFolder(string path, bool resume)
    {
        Folder = Directory.CreateDirectory(path).FullName;
        log = new StreamWriter(File("training.jsonl"), append: resume) { AutoFlush = true };
    }

    /// <summary>The folder's full path.</summary>
    public string Folder { get; }

    /// <summary>The path of a file in the folder.</summary>
    /// <param name="name">The file's name.</param>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Writes a line: a step interval, or an epoch with its validation.</summary>
    /// <param name="progress">What the trainer reported.</param>
    public void Write(TrainingProgress progress) =>
        log.WriteLine(
            JsonSerializer.Serialize(
                new
                {
                    Kind = progress.Finished is null ? "steps" : "epoch",
                    progress.Epoch,
                    progress.Step,
                    progress.Loss,
                    Terms = progress.Terms.ToDictionary(
                        t => t.Name,
                        t => new
                        {
                            t.Value,
                            t.Weight,
                            t.Weighted,
                        }
                    ),
                    progress.LearningRate,
                    progress.GradientNorm,
                    progress.ImagesPerSecond,
                    Seconds = progress.Elapsed.TotalSeconds,
                    Validation = progress.Finished?.Metrics?.Values,
                    Best = progress.Finished?.IsBest,
                },
                OneLine
            )
        );

    /// <summary>Writes <c>metrics.json</c>.</summary>
    /// <param name="metrics">An object; its properties become camelCase.</param>
    public void WriteMetrics(object metrics) =>
        System.IO.File.WriteAllText(File("metrics.json"), JsonSerializer.Serialize(metrics, Lines) + "\n");

    /// <summary>The highest memory that this process has held, in MB.</summary>
    public static long PeakMemoryMegabytes()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.PeakWorkingSet64 >> 20;
    }

    /// <inheritdoc/>
    public void Dispose() => log.Dispose();
}
