using static MLNetLosses.Training.Html;

namespace MLNetLosses.Training;

/// <summary>What the shape of the training loss tells.</summary>
internal static class CurveRules
{
    /// <summary>The present level is far above the lowest: by half of what had been gained and out of the spread.</summary>
    public static IEnumerable<Finding> Divergence(TrainingHistory history)
    {
        var curve = new LossCurve(history.Steps);
        if (!curve.IsLongEnough)
            yield break;
        var rise = curve.End - curve.Lowest;
        var gained = Math.Max(curve.Start - curve.Lowest, 0);
        var stays = curve.Values.TakeLast(curve.Window).Count(v => v > curve.Lowest + rise / 2) >= 0.8 * curve.Window;
        if (
            stays
            && rise > curve.Noise * Math.Max(1.5, 8 / Math.Sqrt(curve.Window))
            && rise > Math.Max(0.5 * gained, 0.3 * Math.Abs(curve.Lowest))
        )
            yield return new(
                FindingKind.Divergence,
                "",
                $"The loss had come down to {Number(curve.Lowest)} and now stands at {Number(curve.End)}; its spread around the trend is {Number(curve.Noise)}.",
                Advice.AnyOf("lower the learning rate", "warm up for longer", new Advice(history.Run).ClipGradient)
                    + " The model of the best epoch is kept where there is a validation.",
                curve.LastStep
            )
            {
                Severity = rise,
            };
    }

    /// <summary>Intervals far out of the spread around the local level, and much above it.</summary>
    public static IEnumerable<Finding> Spikes(TrainingHistory history)
    {
        var curve = new LossCurve(history.Steps);
        if (!curve.IsLongEnough)
            yield break;
        var level = Robust.RollingMedian(curve.Values, 11);
        var residuals = curve.Values.Select((v, i) => v - level[i]).ToArray();
        var spread = Robust.RollingMedian([.. residuals.Select(Math.Abs)], 51);
        // The start falls steeply; there a level says little.
        var spikes = Enumerable
            .Range(0, residuals.Length)
            .Skip(Math.Max(5, residuals.Length / 20))
            .Where(i =>
                residuals[i] > 12 * spread[i] && residuals[i] > 0.7 * Math.Abs(level[i]) && residuals[i] > 0.02 * Math.Abs(curve.Start)
            )
            .ToList();
        if (spikes.Count < 2)
            yield break;
        var worst = spikes.MaxBy(i => residuals[i]);
        yield return new(
            FindingKind.Spikes,
            "",
            $"{spikes.Count} intervals stand far out of the spread, the worst at step {curve.Steps[worst].Step} with {Number(curve.Values[worst])} where {Number(level[worst])} was usual.",
            Advice.AnyOf(
                new Advice(history.Run).ClipGradient,
                "look at the rows of those steps for damaged images or labels",
                "lower the learning rate or a term that can explode"
            ),
            curve.LastStep
        )
        {
            Severity = spikes.Count,
        };
    }

    /// <summary>Flat for half of the run or more, with much of the loss left.</summary>
    public static IEnumerable<Finding> Plateau(TrainingHistory history)
    {
        var curve = new LossCurve(history.Steps);
        if (curve.Values.Length < 2 * LossCurve.Least || !(curve.Remaining > 0.45))
            yield break;
        if (curve.LastStep < 0.25 * history.Run.StepCount)
            yield break; // too early to say
        var flat = curve.Values.Length - FlatFrom(curve);
        if (flat < 0.5 * curve.Values.Length || flat < LossCurve.Least || Rates.AreTiny(history) || Rates.AreLarge(history))
            yield break;
        // A schedule that has come to its end lets nothing move any more.
        var rates = curve.Steps.Select(s => s.LearningRate).ToArray();
        if (Robust.Median(rates.TakeLast(flat)) < 0.1 * rates.Max())
            yield break;
        yield return new(
            FindingKind.Plateau,
            "",
            $"Since step {curve.Steps[^flat].Step} the loss stays at {Number(curve.End)}, {curve.Remaining:P0} of where it began.",
            "Try a larger or smaller learning rate, a larger network or larger images, weaker augmentation; look whether labels and images belong together, and at the terms' gradients.",
            curve.LastStep
        )
        {
            Severity = flat,
        };
    }

    /// <summary>From where on the curve surely comes down by less than a twentieth of where it began; its length where it does not.</summary>
    private static int FlatFrom(LossCurve curve)
    {
        var n = curve.Values.Length;
        for (var first = n / 20; first < n / 2; first += Math.Max(1, n / 20))
        {
            var third = (n - first) / 3;
            var fall = Robust.Median(curve.Values.Skip(first).Take(third)) - Robust.Median(curve.Values.TakeLast(third));
            var error = 1.2533 * Robust.Noise(curve.Values[first..]) * Math.Sqrt(2.0 / third); // standard error of a difference of medians
            if (Math.Abs(fall) + 1.3 * error < 0.05 * curve.Start)
                return first;
        }
        return n;
    }
}
