using static MLNetLosses.Training.Html;

namespace MLNetLosses.Training;

/// <summary>How to say that rows may be labelled wrongly, and what to try, in the words of the task.</summary>
/// <param name="What">What such rows did, after their number.</param>
/// <param name="Advice">What to try.</param>
internal sealed record SuspectRows(string What, string Advice)
{
    public static SuspectRows Of(RunRecord run) =>
        run.Task switch
        {
            "object detection" => new(
                OfLoss,
                "Look at these images (the report shows them with their boxes) for objects that nobody marked, boxes that lie elsewhere and wrong classes. If all is right they are just hard: add images like them."
            ),
            "semantic segmentation" => new(
                OfLoss,
                "Look at these images (the report shows them with their masks) for masks of another image, areas that nobody drew and wrong classes. If all is right they are just hard: add images like them."
            ),
            _ => new(
                $"contradicted the label, surely and in the same way, for {RowTracker.Patience} epochs or more",
                Training.Advice.AnyOf(
                    "look at these rows (the report shows them) and mend their labels",
                    new Advice(run).UnlessLossIs(
                        "take a loss that stands noise (GeneralizedCrossEntropy, SymmetricCrossEntropy, label smoothing)",
                        "GeneralizedCrossEntropy",
                        "SymmetricCrossEntropy",
                        "labelSmoothing"
                    )
                )
            ),
        };

    private static string OfLoss => $"kept a loss far above that of the others for {RowTracker.Patience} epochs or more";

    public string Evidence(TrainRecord train, double share) =>
        $"{train.SuspectCount} of {train.RowCount} training rows ({share:P1}) {What}"
        + (
            train is { MedianRowLoss: { } median, SuspectRows.Count: > 0 }
                ? $" (the median of their losses is {Number(Robust.Median(train.SuspectRows.Select(r => r.Loss)))}, that of all {Number(median)})"
                : ""
        )
        + (train.SuspectRows.Count > 0 ? $"; the first: row {string.Join(", ", train.SuspectRows.Take(5).Select(r => r.Row))}." : ".");
}
