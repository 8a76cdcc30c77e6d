using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetLosses.Samples;

/// <summary>
/// The output folder of a run: <c>training.jsonl</c>, <c>report.html</c> and TensorBoard's files, which the trainer writes, and <c>metrics.json</c> at the end.
/// </summary>
public sealed class RunFolder
{
    private static readonly JsonSerializerOptions OneLine = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
    };
    private static readonly JsonSerializerOptions Lines = new(OneLine) { WriteIndented = true };

    /// <summary>Makes the folder.</summary>
    /// <param name="path">The folder.</param>
    public RunFolder(string path) => Folder = Directory.CreateDirectory(path).FullName;

    /// <summary>The folder's full path.</summary>
    public string Folder { get; }

    /// <summary>The path of a file in the folder.</summary>
    /// <param name="name">The file's name.</param>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Tells a trainer to leave its log, its report and TensorBoard's files here, and checkpoints to resume from.</summary>
    /// <param name="trainer">The trainer's options.</param>
    /// <param name="resume">Whether to go on from the checkpoint, if there is one.</param>
    public void Keep(TrainerOptions trainer, bool resume)
    {
        trainer.TrainingLogFile = File("training.jsonl");
        trainer.ReportFile = File("report.html");
        trainer.TensorBoardFolder = File("tensorboard");
        trainer.CheckpointFolder = File("checkpoint");
        trainer.Resume = resume;
    }

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
}
