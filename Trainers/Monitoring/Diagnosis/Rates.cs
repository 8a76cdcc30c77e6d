using static MLNetLosses.Training.Html;

namespace MLNetLosses.Training;

/// <summary>What the size of updates and the curve together tell of the learning rate.</summary>
internal static class Rates
{
    private const double Tiny = 3e-5;
    private const double Large = 0.03;

    /// <summary>|update| / |weights| in the middle of the run, where neither warm-up nor the end of a schedule counts; NaN: not measured.</summary>
    private static double Usual(TrainingHistory history)
    {
        double[] ratios = [.. history.Steps.Select(s => s.UpdateRatio).OfType<double>().Where(double.IsFinite)];
        return ratios.Length < 3 ? double.NaN : Robust.Median(ratios.Skip(ratios.Length / 10).Take(Math.Max(3, ratios.Length * 7 / 10)));
    }

    public static bool AreTiny(TrainingHistory history) => Usual(history) < Tiny;

    public static bool AreLarge(TrainingHistory history) => Usual(history) > Large;

    /// <summary>Tiny updates, and a loss that falls in a straight line or not at all, with most of it left.</summary>
    public static IEnumerable<Finding> TooSmall(TrainingHistory history)
    {
        var curve = new LossCurve(history.Steps);
        if (!curve.IsLongEnough || !AreTiny(history) || !(curve.Remaining > 0.6))
            yield break;
        var half = curve.Values.Length / 2;
        var (early, late) = (-Robust.Slope(curve.Values[..half]), -Robust.Slope(curve.Values[half..]));
        var certain = 3 * curve.Noise / half;
        if (late < 0.4 * early && early > certain)
            yield break; // it has slowed down: there is a bottom
        yield return new(
            FindingKind.LearningRateTooSmall,
            "",
            $"An update changes the weights by {Number(Usual(history))} of their length, and after {curve.LastStep} steps {curve.Remaining:P0} of the loss are left{(late > certain ? ", still falling at the same pace" : "")}.",
            "Raise the learning rate ten times, or train for longer.",
            curve.LastStep
        );
    }

    /// <summary>Large updates, and a loss that has not come down for half of the run, or jumps.</summary>
    public static IEnumerable<Finding> TooLarge(TrainingHistory history)
    {
        var curve = new LossCurve(history.Steps);
        if (!curve.IsLongEnough || !AreLarge(history))
            yield break;
        var late = curve.Values[(curve.Values.Length / 2)..];
        var falls = -Robust.Slope(late) * late.Length;
        var jumps = Robust.Noise(late) > 0.15 * Math.Abs(Robust.Median(late));
        var stands = falls < Math.Max(0.02 * Math.Abs(curve.Start), 7 * Robust.Noise(late) / Math.Sqrt(Math.Min(60, late.Length)));
        if (!(stands && (jumps || curve.Remaining > 0.6)))
            yield break;
        yield return new(
            FindingKind.LearningRateTooLarge,
            "",
            $"An update changes the weights by {Number(Usual(history))} of their length (0.001 is usual), and the loss {(jumps ? $"jumps by {Number(curve.Noise)} from interval to interval around {Number(curve.End)}" : $"stays at {Number(curve.End)}")} without coming down.",
            "Lower the learning rate three to ten times, or warm up for longer.",
            curve.LastStep
        )
        {
            Severity = Usual(history),
        };
    }
}
