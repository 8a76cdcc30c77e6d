using static MLNetLosses.Training.Html;

namespace MLNetLosses.Training;

/// <summary>How to say that a class is never predicted, and what to try, in the words of the task.</summary>
/// <param name="Unit">What the validation counts.</param>
/// <param name="IsDetector">Whether the network finds objects; else it gives each unit a class.</param>
/// <param name="Advice">What to try.</param>
internal sealed record MissedClass(string Unit, bool IsDetector, string Advice)
{
    private const int MostListed = 10;
    private const string Named = "weigh the classes (ClassWeights = ClassWeights.Balanced)";

    public static MissedClass Of(RunRecord run)
    {
        var advice = new Advice(run);
        return run.Task switch
        {
            "object detection" => new(
                "object",
                true,
                "Where its AP50 is not near 0 only its scores are low: train for longer or lower ScoreThreshold. Else add images of it, take larger images (ImageSize) where it is small, or check its boxes and labels."
            ),
            "semantic segmentation" => new(
                "pixel",
                false,
                Training.Advice.AnyOf(
                    advice.UnlessSet(Named, "ClassWeights"),
                    advice.UnlessLossIs("take a loss on regions (Dice, FocalTversky) or add one", "Dice", "Tversky"),
                    "add images of it",
                    "check the masks"
                )
            ),
            _ => new(
                "row",
                false,
                Training.Advice.AnyOf(
                    advice.UnlessSet(Named, "ClassWeights"),
                    advice.UnlessIs("draw rare classes more often (SampleOrder = SampleOrder.Balanced)", "SampleOrder", "Balanced"),
                    advice.UnlessLossIs(
                        "take a loss for imbalance (ClassBalanced, LogitAdjusted, Focal)",
                        "ClassBalanced",
                        "LogitAdjusted",
                        "Focal"
                    ),
                    "check the labels"
                )
            ),
        };
    }

    /// <summary>Of one class with so many examples.</summary>
    public string One(string name, double count) =>
        IsDetector
            ? $"No detection of '{name}' scored enough to count as found, though the validation has {Number(count)} such objects"
            : $"No {Unit} was predicted as '{name}', though {Number(count)} of the validation are";

    /// <summary>Of many classes.</summary>
    public string Several(IReadOnlyList<ClassMetrics> missed, int classCount)
    {
        var names = string.Join(", ", missed.Take(missed.Count > MostListed ? 5 : MostListed).Select(c => $"'{c.Name}'"));
        var some = $"{missed.Count} of {classCount} classes{(missed.Count > MostListed ? $", such as {names}," : $" ({names})")}";
        return IsDetector ? $"No detection of {some} scored enough to count as found" : $"{some} were predicted for no {Unit}";
    }
}
