using static MLNetLosses.Training.Html;

namespace MLNetLosses.Training;

/// <summary>What the validations tell.</summary>
internal static class ValidationRules
{
    private const int Epochs = 3;
    private const int MostNamed = 3;
    private const int LeastRows = 5;

    /// <summary>The training loss goes on falling while the validation has got worse since its best epoch, by more than its own spread.</summary>
    public static IEnumerable<Finding> Overfitting(TrainingHistory history)
    {
        var epochs = history.Epochs.Where(e => e.Validation is not null).ToList();
        if (epochs.Count < 6)
            yield break;
        // A loss shows it earlier and smoother than a rate of hits.
        var metrics = epochs[^1].Validation!;
        var name = metrics.Metrics.Keys.FirstOrDefault(RunCharts.IsLoss) ?? metrics.Primary;
        var sign = RunCharts.IsLoss(name) || !metrics.HigherIsBetter ? 1 : -1;
        var curve = epochs.Select(e => sign * RunCharts.Metric(e, name)).ToArray();
        if (curve.Any(v => !double.IsFinite(v)))
            yield break;
        var best = Array.IndexOf(curve, curve.Min());
        var since = curve.Length - 1 - best;
        if (since < Math.Max(Epochs, curve.Length / 6))
            yield break;
        var after = curve[best..];
        var worse = Robust.Median(after.TakeLast(3)) - curve[best];
        var noise = Robust.Noise(curve);
        var least = RunCharts.IsLoss(name) ? 0.1 * Math.Abs(curve[best]) : 0.02 * Math.Max(1, Math.Abs(curve[best]));
        var (before, now) = (epochs[best].Train.Loss, Robust.Median(epochs.TakeLast(3).Select(e => e.Train.Loss)));
        if (worse <= Math.Max(least, 4 * noise) || Robust.Trend(after) < 0.4 || now > before - 0.05 * Math.Abs(before))
            yield break;
        yield return new(
            FindingKind.Overfitting,
            "",
            $"Since epoch {epochs[best].Epoch} the validation's {name} went from {Number(sign * curve[best])} to {Number(sign * (curve[best] + worse))} while the training loss fell from {Number(before)} to {Number(now)}.",
            Advice.AnyOf(
                "stronger augmentation",
                "more weight decay or label smoothing",
                "more data",
                "a smaller network",
                new Advice(history.Run).UnlessSet("EarlyStoppingCriteria", "EarlyStoppingCriteria", "earlyStopping")
            ) + " The model of the best epoch is kept by default.",
            epochs[^1].Step
        )
        {
            Severity = worse,
        };
    }

    /// <summary>A class that the validation has rows, pixels or objects of and that none was predicted as, for some epochs.</summary>
    public static IEnumerable<Finding> ClassNeverPredicted(TrainingHistory history)
    {
        var epochs = history.Epochs.Where(e => e.Validation is { Classes.Count: > 0 }).ToList();
        if (epochs.Count < Math.Max(Epochs, history.Run.EpochCount / 5))
            yield break;
        var last = epochs.TakeLast(Epochs).Select(e => e.Validation!.Classes).ToList();
        if (last.Exists(classes => classes.Count != last[0].Count))
            yield break;
        var never = Enumerable.Range(0, last[0].Count).Where(c => last.TrueForAll(classes => IsMissed(classes[c]))).ToList();
        if (never.Count == last[0].Count)
            yield break; // nothing is predicted at all: that is another trouble
        var words = MissedClass.Of(history.Run);
        var classes = never.Select(c => last[^1][c]).ToList();
        if (classes.Count > MostNamed)
            yield return Found("", words.Several(classes, last[0].Count));
        else
            foreach (var found in classes)
                yield return Found(found.Name, words.One(found.Name, found.Values["count"]));

        Finding Found(string subject, string evidence) =>
            new(FindingKind.ClassNeverPredicted, subject, $"{evidence}, in the last {Epochs} epochs.", words.Advice, epochs[^1].Step)
            {
                Severity = classes.Count,
            };
    }

    /// <summary>Rows that stay far from their labels for some epochs, while the others are learnt.</summary>
    public static IEnumerable<Finding> LabelNoise(TrainingHistory history)
    {
        if (history.Epochs is not [.., { Train: { RowCount: > 0 } train } last])
            yield break;
        var share = (double)train.SuspectCount / train.RowCount;
        if (train.SuspectCount < LeastRows || share < 0.01)
            yield break;
        yield return new(
            FindingKind.LabelNoise,
            "",
            SuspectRows.Of(history.Run).Evidence(train, share),
            SuspectRows.Of(history.Run).Advice,
            last.Step
        )
        {
            Severity = train.SuspectCount,
        };
    }

    private static bool IsMissed(ClassMetrics metrics) =>
        metrics.Values.GetValueOrDefault("count") >= LeastRows
        && metrics.Values.TryGetValue("predicted", out var predicted)
        && predicted == 0;
}
