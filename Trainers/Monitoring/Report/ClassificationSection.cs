using System.Globalization;

namespace MLNetLosses.Training;

/// <summary>What the validation says of the classes: table, confusion, precision over recall, calibration.</summary>
internal static class ClassificationSection
{
    public static void Write(Html html, TrainingHistory run)
    {
        if (run.Best?.Validation is not { } best || best.Classes.Count == 0)
            return;
        // Curves are logged with each epoch that was the best so far.
        var detailed = run.Epochs.LastOrDefault(e => e.IsBest && e.Validation?.Confusion is not null)?.Validation ?? best;
        html.Section(
            $"Classes, at epoch {run.Best.Epoch}",
            h =>
            {
                var names = best.Classes.SelectMany(c => c.Values.Keys).Distinct().ToList();
                h.Table(
                    ["class", .. names],
                    best.Classes.Take(200)
                        .Select(c =>
                            (string[])[c.Name, .. names.Select(name => Html.Number(c.Values.GetValueOrDefault(name, double.NaN)))]
                        ),
                    "numbers"
                );
                if (best.Classes.Count > 200)
                    h.Raw($"<p class=\"soft\">The first 200 of {best.Classes.Count} classes.</p>");
                h.Raw("<div class=\"grid\" style=\"margin-top:16px\">");
                if (detailed.Confusion is { } confusion)
                    ConfusionChart.Write(h, confusion, [.. best.Classes.Select(c => c.Name)]);
                if (detailed.PrecisionRecall is { Count: > 0 } curves)
                    PrecisionRecall(curves).Write(h);
                if (detailed.Calibration is { Count: > 0 } bins)
                    Reliability(bins).Write(h);
                h.Raw("</div>");
            }
        );
    }

    /// <summary>The mean distance between confidence and accuracy over the predictions: sum over bins of n_b / n |accuracy_b - confidence_b|.</summary>
    public static double ExpectedCalibrationError(IReadOnlyList<CalibrationBin> bins)
    {
        var total = bins.Sum(b => b.Count);
        return bins.Where(b => b.Count > 0).Sum(b => (double)b.Count / total * Math.Abs(b.Accuracy - b.Confidence));
    }

    private static LineChart PrecisionRecall(IReadOnlyList<PrecisionRecallCurve> curves) =>
        new(
            "Precision over recall",
            [
                .. curves
                    .OrderBy(c => c.AveragePrecision)
                    .Take(ReportStyle.Colors)
                    .Select(c => new Series(
                        $"{c.Name} ({c.AveragePrecision.ToString("0.000", CultureInfo.InvariantCulture)})",
                        [.. c.Recall.Zip(c.Precision)]
                    )),
            ]
        )
        {
            XName = "recall",
            Low = 0,
            High = 1,
            XLow = 0,
            XHigh = 1,
            Note =
                $"Each class against the rest, with its average precision{(curves.Count > ReportStyle.Colors ? $"; the {ReportStyle.Colors} lowest of {curves.Count}" : "")}. Mean: {Html.Number(curves.Average(c => c.AveragePrecision))}.",
        };

    private static LineChart Reliability(IReadOnlyList<CalibrationBin> bins) =>
        new(
            "Calibration",
            [
                new("share of right answers", [.. bins.Where(b => b.Count > 0).Select(b => (b.Confidence, b.Accuracy))])
                {
                    HasMarks = true,
                    Color = 0,
                },
                new("as it should be", [(0, 0), (1, 1)]) { IsDashed = true, Color = 7 },
                new(
                    "share of the predictions",
                    [.. bins.Where(b => b.Count > 0).Select(b => (b.Confidence, (double)b.Count / bins.Sum(x => x.Count)))]
                )
                {
                    Color = 4,
                },
            ]
        )
        {
            XName = "confidence",
            Low = 0,
            High = 1,
            XLow = 0,
            XHigh = 1,
            Note =
                $"Expected calibration error: {ExpectedCalibrationError(bins).ToString("0.0000", CultureInfo.InvariantCulture)}. Below the diagonal the network is too sure.",
        };
}
