using System.Globalization;
using System.Reflection;
using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a task tells those who look at its training; all of it is optional.</summary>
internal sealed record TaskMonitoring
{
    // Said elsewhere in the report, second names, or no settings at all.
    private static readonly HashSet<string> NoSettings =
    [
        "Loss",
        nameof(TrainerOptions.ImageColumnName),
        nameof(TrainerOptions.MaxEpoch),
        nameof(TrainerOptions.ValidationSet),
        nameof(TrainerOptions.CancellationToken),
        nameof(TrainerOptions.Progress),
        nameof(TrainerOptions.TrainingLogFile),
        nameof(TrainerOptions.TensorBoardFolder),
        nameof(TrainerOptions.ReportFile),
        nameof(TrainerOptions.CheckpointFolder),
        "MetricsCallback",
    ];

    public string? Task { get; init; }
    public IReadOnlyDictionary<string, string> Data { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<string> Classes { get; init; } = [];
    public Func<RowReference, byte[]?>? Picture { get; init; }
    public Func<RowReference, string?>? Source { get; init; }
    public PictureLegend? Legend { get; init; }
    public Func<TrainingBatch, LossInputs, TrainedRows?>? DescribeRows { get; init; }

    /// <summary>With the places that the options name and the settings that they hold.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="seed">The seed that was taken, wherever it came from: without it nobody could repeat the run.</param>
    public MonitoringOptions Options(TrainerOptions options, long seed) =>
        new()
        {
            LogFile = options.TrainingLogFile,
            TensorBoardFolder = options.TensorBoardFolder,
            ReportFile = options.ReportFile,
            Diagnosis = options.Diagnosis,
            Task = Task,
            Loss = options.AskedLoss,
            Settings = Settings(options, seed),
            Data = Data,
            Classes = Classes,
            Picture = Picture,
            Source = Source,
            Legend = Legend,
        };

    private static Dictionary<string, string> Settings(TrainerOptions options, long seed) =>
        options
            .GetType()
            .GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(option => option.CanWrite && !NoSettings.Contains(option.Name))
            .OrderBy(option => option.Name, StringComparer.Ordinal)
            .ToDictionary(
                option => option.Name,
                option => Text(option.Name == nameof(TrainerOptions.Seed) ? seed : option.GetValue(options))
            );

    private static string Text(object? value) =>
        value switch
        {
            null => "not set",
            string text => text,
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            Delegate => "given",
            System.Collections.IEnumerable list and not Definition => string.Join(", ", list.Cast<object?>().Select(Text)),
            _ => $"{value}",
        };
}
