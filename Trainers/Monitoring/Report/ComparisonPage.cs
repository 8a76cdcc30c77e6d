namespace MLNetLosses.Training;

/// <summary>The page that compares trainings.</summary>
internal static class ComparisonPage
{
    public static string Make(IReadOnlyList<(string Name, TrainingHistory Run)> runs)
    {
        var html = new Html();
        ReportPage.Head(html, $"Comparison of {runs.Count} trainings");
        Metrics(html, runs);
        Differences(html, runs);
        html.Section(
            "Curves",
            h =>
            {
                h.Raw("<div class=\"grid\">");
                foreach (var chart in Charts(runs))
                    chart.Write(h);
                h.Raw("</div>");
            }
        );
        html.Section(
            "Diagnosis",
            h =>
                h.Table(
                    ["training", "found", "evidence"],
                    runs.SelectMany(r =>
                        r.Run.Findings.Count == 0
                            ? [Silence.Reason(r.Run) is { } reason ? [r.Name, "nothing, but", reason] : [r.Name, "nothing conspicuous", ""]]
                            : r.Run.Findings.Select(f =>
                                (string[])[r.Name, f.State == FindingState.Over ? $"{f.Title} ({f.Time})" : f.Title, f.Evidence]
                            )
                    )
                )
        );
        return ReportPage.Foot(html);
    }

    private static void Metrics(Html html, IReadOnlyList<(string Name, TrainingHistory Run)> runs)
    {
        var names = runs.SelectMany(r => RunCharts.Names(r.Run.Epochs)).Distinct().ToList();
        html.Section(
            "Metrics of the best epochs",
            h =>
                h.Table(
                    ["training", "status", "epoch", .. names, "training loss", "time", "images/s"],
                    runs.Select(r =>
                        (string[])
                            [
                                r.Name,
                                ReportPage.Status(r.Run),
                                $"{r.Run.Best?.Epoch}",
                                .. names.Select(name => Html.Number(r.Run.Best is { } best ? RunCharts.Metric(best, name) : double.NaN)),
                                Html.Number(r.Run.Best?.Train.Loss ?? double.NaN),
                                Html.Duration(r.Run.End?.Seconds ?? r.Run.Epochs.LastOrDefault()?.Seconds ?? 0),
                                Html.Number(Math.Round(r.Run.Epochs.Count == 0 ? 0 : r.Run.Epochs.Average(e => e.ImagesPerSecond))),
                            ]
                    ),
                    "numbers"
                )
        );
    }

    private static void Differences(Html html, IReadOnlyList<(string Name, TrainingHistory Run)> runs)
    {
        var all = runs.Select(r =>
                Settings
                    .Of(r.Run.Run)
                    .Concat(Prefixed("data: ", r.Run.Run.Data))
                    .Concat(Prefixed("environment: ", r.Run.Run.Environment))
                    .ToDictionary()
            )
            .ToList();
        var differing = all.SelectMany(s => s.Keys)
            .Distinct()
            .Where(key => all.Select(s => s.GetValueOrDefault(key)).Distinct().Count() > 1)
            .ToList();
        html.Section(
            "Settings that differ",
            h =>
            {
                if (differing.Count == 0)
                    h.Raw("<p class=\"fine\">None: the trainings were told the same.</p>");
                else
                    h.Table(
                        ["", .. runs.Select(r => r.Name)],
                        differing.Select(key => (string[])[key, .. all.Select(s => s.GetValueOrDefault(key, "-"))]),
                        "pairs"
                    );
            }
        );
    }

    private static IEnumerable<LineChart> Charts(IReadOnlyList<(string Name, TrainingHistory Run)> runs)
    {
        yield return new("Training loss, smoothed", [.. runs.Select((r, i) => Of(r, i, s => s.Loss, e => e.Train.Loss))]);
        foreach (var name in runs.SelectMany(r => RunCharts.Names(r.Run.Epochs)).Distinct())
        {
            List<Series> curves =
            [
                .. runs.Select((r, i) => RunCharts.Epochs(r.Name, r.Run.Epochs, e => RunCharts.Metric(e, name)) with { Color = i }),
            ];
            yield return new($"Validation, {name}", curves) { IsLogarithmic = RunCharts.IsLoss(name) && RunCharts.SpansDecades(curves) };
        }
        yield return new("Learning rate", [.. runs.Select((r, i) => Of(r, i, s => s.LearningRate, e => e.LearningRate, smooth: false))])
        {
            Low = 0,
        };
        yield return new(
            "Gradient norm, smoothed",
            [.. runs.Select((r, i) => Of(r, i, s => s.GradientNorm ?? double.NaN, _ => double.NaN))]
        )
        {
            IsLogarithmic = true,
        };
    }

    private static Series Of(
        (string Name, TrainingHistory Run) run,
        int color,
        Func<StepsRecord, double> step,
        Func<EpochRecord, double> epoch,
        bool smooth = true
    )
    {
        if (run.Run.Steps.Count == 0)
            return RunCharts.Epochs(run.Name, run.Run.Epochs, epoch) with { Color = color };
        var series = new Series(run.Name, [.. run.Run.Steps.Select(s => ((double)s.Step, step(s)))]) { Color = color };
        return smooth ? RunCharts.Smooth(series) : series;
    }

    private static IEnumerable<KeyValuePair<string, string>> Prefixed(string prefix, IReadOnlyDictionary<string, string> values) =>
        values.Select(v => KeyValuePair.Create(prefix + v.Key, v.Value));
}
