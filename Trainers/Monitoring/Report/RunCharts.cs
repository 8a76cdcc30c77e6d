namespace MLNetLosses.Training;

/// <summary>The curves of one training.</summary>
internal static class RunCharts
{
    public static IEnumerable<LineChart> Of(TrainingHistory run)
    {
        var (steps, epochs) = (run.Steps, run.Epochs);
        var losses = Loss(run).ToList();
        yield return new("Loss", losses) { IsLogarithmic = SpansDecades(losses) };
        foreach (var chart in Terms(steps))
            yield return chart;
        foreach (var chart in Metrics(epochs))
            yield return chart;
        yield return new("Learning rate", [Points("learning rate", steps, s => s.LearningRate)]) { Low = 0 };
        yield return new("Gradient norm", [Points("gradient norm", steps, s => s.GradientNorm ?? double.NaN, skipGaps: true)])
        {
            IsLogarithmic = true,
            Note = "Before clipping.",
        };
        yield return new("Size of an update", [Points("update ratio", steps, s => s.UpdateRatio ?? double.NaN, skipGaps: true)])
        {
            IsLogarithmic = true,
            Note = "|update| / |weights|; around 0.001 is usual.",
        };
        foreach (var chart in State(steps))
            yield return chart;
        yield return new("Throughput", [Points("images a second", steps, s => s.ImagesPerSecond)]) { Low = 0, Note = "Images a second." };
        yield return new("Waiting for data", [Points("waiting", steps, s => 100 * s.WaitShare)])
        {
            Low = 0,
            High = Math.Max(10, 100 * steps.Select(s => s.WaitShare).DefaultIfEmpty(0).Max()),
            Note = "Percent of the epoch's time so far.",
        };
        yield return new("Memory of the process, MB", [Points("now", steps, s => s.Memory?.ProcessBytes / 1e6 ?? double.NaN)]) { Low = 0 };
    }

    public static IEnumerable<Series> Loss(TrainingHistory run)
    {
        if (run.Steps.Count > 0)
        {
            yield return Points("training, each interval", run.Steps, s => s.Loss) with
            {
                Color = 0,
                IsFaint = true,
            };
            yield return Smooth(Points("training, smoothed", run.Steps, s => s.Loss)) with
            {
                Color = 0,
            };
        }
        else
            yield return Epochs("training", run.Epochs, e => e.Train.Loss) with
            {
                Color = 0,
            };
        foreach (var name in Names(run.Epochs).Where(IsLoss))
            yield return Epochs($"validation, {name}", run.Epochs, e => Metric(e, name)) with
            {
                Color = 1,
                HasMarks = true,
            };
    }

    public static IEnumerable<string> Names(IReadOnlyList<EpochRecord> epochs) =>
        epochs.SelectMany(e => e.Validation?.Metrics.Keys ?? []).Distinct();

    public static bool IsLoss(string metric) => metric.EndsWith("loss", StringComparison.OrdinalIgnoreCase);

    public static double Metric(EpochRecord epoch, string name) =>
        epoch.Validation?.Metrics.GetValueOrDefault(name, double.NaN) ?? double.NaN;

    public static Series Epochs(string name, IEnumerable<EpochRecord> epochs, Func<EpochRecord, double> value) =>
        new(name, [.. epochs.Select(e => ((double)e.Step, value(e)))]) { HasMarks = true };

    /// <summary>A mean that forgets, over about a thirtieth of the curve.</summary>
    public static Series Smooth(Series series)
    {
        var weight = 2.0 / (Math.Max(1, series.Points.Count / 30.0) + 1);
        var mean = double.NaN;
        return series with
        {
            Points =
            [
                .. series.Points.Select(p =>
                {
                    if (double.IsFinite(p.Y))
                        mean = double.IsNaN(mean) ? p.Y : mean + weight * (p.Y - mean);
                    return (p.X, mean);
                }),
            ],
        };
    }

    private static IEnumerable<LineChart> Terms(IReadOnlyList<StepsRecord> steps)
    {
        var names = steps.SelectMany(s => s.Terms.Keys).Distinct().ToList();
        if (names.Count < 2)
            yield break;
        TermRecord? Term(StepsRecord s, string name) => s.Terms.GetValueOrDefault(name);
        List<Series> Curves(Func<TermRecord, double?> value, bool skip = false) =>
            [.. names.Select(name => Points(name, steps, s => Term(s, name) is { } t ? value(t) ?? double.NaN : double.NaN, skip))];
        var weighted = Curves(t => t.Weighted).Select(Smooth).ToList();
        yield return new("Terms of the loss, as weighted", weighted) { IsLogarithmic = SpansDecades(weighted), Note = "Smoothed." };
        var weights = Curves(t => t.Weight);
        if (weights.Any(w => w.Points.Max(p => p.Y) - w.Points.Min(p => p.Y) > 1e-6))
            yield return new("Weights of the terms", weights) { Low = 0 };
        yield return new(
            "Share of the gradient",
            [
                .. names.Select(name =>
                    Points(
                        name,
                        steps,
                        s => Term(s, name)?.GradientNorm is { } norm ? norm / s.Terms.Values.Sum(t => t.GradientNorm ?? 0) : double.NaN,
                        skipGaps: true
                    )
                ),
            ]
        )
        {
            Low = 0,
            High = 1,
            Note = "Norm of each weighted term's gradient over the sum of norms.",
        };
        var pairs = steps.SelectMany(s => s.GradientCosines?.Keys ?? []).Distinct().Take(8).ToList();
        yield return new(
            "Cosine between the gradients of terms",
            [
                .. pairs.Select(pair =>
                    Points(pair, steps, s => s.GradientCosines?.GetValueOrDefault(pair, double.NaN) ?? double.NaN, skipGaps: true)
                ),
            ]
        )
        {
            Low = -1,
            High = 1,
            Note = "Below 0 the terms pull against each other.",
        };
    }

    private static IEnumerable<LineChart> Metrics(IReadOnlyList<EpochRecord> epochs)
    {
        var names = Names(epochs).Where(name => !IsLoss(name)).ToList();
        bool IsShare(string name) => epochs.Select(e => Metric(e, name)).Where(double.IsFinite).All(v => v is >= 0 and <= 1);
        var trained = epochs.SelectMany(e => e.Train.Metrics.Keys).Distinct().ToList();
        var shares = names
            .Where(IsShare)
            .Select((name, i) => Epochs($"validation, {name}", epochs, e => Metric(e, name)) with { Color = i });
        // One colour a metric, dashed where it was measured on what is learnt.
        var colors = names.Where(IsShare).Concat(trained).Distinct().ToList();
        yield return new(
            "Metrics",
            [
                .. shares,
                .. trained.Select(name =>
                    Epochs($"training, {name}", epochs, e => e.Train.Metrics.GetValueOrDefault(name, double.NaN)) with
                    {
                        Color = colors.IndexOf(name),
                        IsDashed = true,
                    }
                ),
            ]
        );
        foreach (var name in names.Where(name => !IsShare(name)))
            yield return new($"Validation, {name}", [Epochs(name, epochs, e => Metric(e, name))]);
    }

    private static IEnumerable<LineChart> State(IReadOnlyList<StepsRecord> steps)
    {
        foreach (var name in steps.SelectMany(s => s.LossState?.Keys ?? []).Distinct().Take(6))
        {
            var count = steps.Max(s => s.LossState?.GetValueOrDefault(name)?.Values?.Count ?? 0);
            List<Series> curves =
                count == 0
                    ? [Points($"norm of {name}", steps, s => s.LossState?.GetValueOrDefault(name)?.Norm ?? double.NaN)]
                    :
                    [
                        .. Enumerable
                            .Range(0, Math.Min(count, 8))
                            .Select(i => Points(count == 1 ? name : $"{name}[{i}]", steps, s => At(s, i))),
                    ];
            double At(StepsRecord s, int i) =>
                s.LossState?.GetValueOrDefault(name)?.Values is { } values && i < values.Count ? values[i] : double.NaN;
            yield return new($"State of the loss: {name}", curves);
        }
    }

    private static Series Points(string name, IReadOnlyList<StepsRecord> steps, Func<StepsRecord, double> value, bool skipGaps = false) =>
        new(name, [.. steps.Select(s => ((double)s.Step, value(s))).Where(p => !skipGaps || double.IsFinite(p.Item2))]);

    public static bool SpansDecades(IReadOnlyList<Series> series)
    {
        var values = series.SelectMany(s => s.Points).Select(p => p.Y).Where(double.IsFinite).ToList();
        return values.Count > 0 && values.Min() > 0 && values.Max() / values.Min() > 50;
    }
}
