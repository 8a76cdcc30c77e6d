using System.Globalization;
using MLNetLosses.Training;
using Spectre.Console;

namespace MLNetLosses.Samples;

/// <summary>Shows a training as it runs: a live table in a terminal, plain lines where the output is redirected.</summary>
public sealed class LiveDisplay : IProgress<TrainingProgress>
{
    private const int FindingsShown = 4;
    private readonly List<TrainingEpoch> epochs = [];
    private readonly List<Finding> findings = [];
    private LiveDisplayContext? live;

    private LiveDisplay() { }

    /// <summary>The epochs reported so far.</summary>
    public IReadOnlyList<TrainingEpoch> Epochs => epochs;

    /// <summary>Whether a message of the log says what the display shows anyway.</summary>
    /// <param name="message">The message.</param>
    public static bool Shows(Microsoft.ML.LoggingEventArgs message) =>
        message.Source.EndsWith(TrainerOptions.ProgressChannel, StringComparison.Ordinal);

    /// <summary>Runs a training with a display.</summary>
    /// <typeparam name="T">What the training returns.</typeparam>
    /// <param name="train">The training; it is given the display.</param>
    public static T Run<T>(Func<LiveDisplay, T> train)
    {
        var display = new LiveDisplay();
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
            return train(display);
        return AnsiConsole
            .Live(new Text("reading the data ..."))
            .Start(context =>
            {
                display.live = context;
                return train(display);
            });
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        foreach (var finding in value.Findings)
        {
            findings.RemoveAll(f => f.Kind == finding.Kind && f.Subject == finding.Subject);
            if (finding.State != FindingState.Over)
                findings.Add(finding);
        }
        if (value.Finished is { } epoch)
            epochs.Add(epoch);
        if (live is not null)
            live.UpdateTarget(Everything(value));
        else
        {
            if (value.Finished is { } done)
                Console.WriteLine(Line(value, done));
            foreach (var finding in value.Findings)
                Console.WriteLine($"{finding}");
        }
    }

    private Rows Everything(TrainingProgress progress) =>
        new([
            Table(progress),
            .. findings
                .TakeLast(FindingsShown)
                .Select(f => new Markup(
                    $"[yellow]{Markup.Escape(f.Title)}[/] {Markup.Escape($"(step {f.Step}): {f.Evidence} Try: {f.Advice}")}"
                )),
        ]);

    private static string Line(TrainingProgress progress, TrainingEpoch done)
    {
        var terms =
            done.Terms.Count > 1
                ? $" ({string.Join(", ", done.Terms.Select(t => $"{t.Name} {Number(t.Value)} x {Number(t.Weight)}"))})"
                : "";
        var metrics = done.Metrics is null ? "" : ", " + string.Join(", ", done.Metrics.Values.Select(m => $"{m.Key} {Number(m.Value)}"));
        var left = progress.TimeLeft is { } time && time > TimeSpan.Zero ? $", {Duration(time)} left" : "";
        return $"epoch {done.Epoch}/{progress.EpochCount}: loss {Number(done.Loss)}{terms}{metrics}, {done.ImagesPerSecond:0} images/s{left}{(done.IsBest ? " *" : "")}";
    }

    private Table Table(TrainingProgress progress)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns("epoch", "loss", "terms", "validation", "images/s");
        foreach (var epoch in epochs.TakeLast(12))
            table.AddRow(
                $"{epoch.Epoch}{(epoch.IsBest ? " [green]best[/]" : "")}",
                Number(epoch.Loss),
                Terms(epoch.Terms),
                epoch.Metrics is null ? "" : string.Join("\n", epoch.Metrics.Values.Select(m => $"{m.Key} {Number(m.Value)}")),
                $"{epoch.ImagesPerSecond:0}"
            );
        if (progress.Finished is null)
            table.AddRow($"[yellow]{progress.Epoch}[/]", Number(progress.Loss), Terms(progress.Terms), "", $"{progress.ImagesPerSecond:0}");
        var left = progress.TimeLeft is { } time ? $", {Duration(time)} left" : "";
        table.Caption(
            $"step {progress.Step} of {progress.StepCount}, learning rate {progress.LearningRate:0.#####}, gradient {Number(progress.GradientNorm)}{left}"
        );
        return table;
    }

    private static string Terms(IReadOnlyList<TrainingTerm> terms) =>
        string.Join("\n", terms.Select(t => $"{t.Name} {Number(t.Value)}{(t.Weight == 1 ? "" : " x " + Number(t.Weight))}"));

    private static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours} h {time.Minutes:00} min"
        : time.TotalMinutes >= 1 ? $"{time.Minutes} min {time.Seconds:00} s"
        : $"{time.Seconds} s";

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 100 ? "0.0" : "0.0000", CultureInfo.InvariantCulture);
}
