namespace MLNetLosses.Training;

/// <summary>Gathers, row by row, what a validation of a classifier tells beyond its metrics. Memory grows with the classes, not with the rows.</summary>
internal sealed class ClassificationEvidence(IReadOnlyList<string> classes, int hardestRows)
{
    private const int MostForConfusion = 64;
    private const int MostForCurves = 20;
    private const int CalibrationBins = 10;

    private readonly int count = classes.Count;
    private readonly long[]? confusion = classes.Count <= MostForConfusion ? new long[classes.Count * classes.Count] : null;
    private readonly long[] seen = new long[classes.Count];
    private readonly long[] said = new long[classes.Count];
    private readonly long[] right = new long[classes.Count];
    private readonly double[] losses = new double[classes.Count];
    private readonly (long Count, double Confidence, long Right)[] bins = new (long, double, long)[CalibrationBins];
    private readonly ScoreHistogram[] curves = classes.Count <= MostForCurves ? [.. classes.Select(_ => new ScoreHistogram())] : [];
    private readonly PriorityQueue<RowFinding, double> hardest = new();

    /// <summary>Whether <see cref="AddScores"/> is wanted.</summary>
    public bool WantsScores => curves.Length > 0;

    public void Add(long row, int label, int predicted, double confidence, double loss)
    {
        seen[label]++;
        said[predicted]++;
        right[label] += predicted == label ? 1 : 0;
        losses[label] += loss;
        if (confusion is not null)
            confusion[label * count + predicted]++;
        ref var bin = ref bins[Math.Clamp((int)(confidence * CalibrationBins), 0, CalibrationBins - 1)];
        bin = (bin.Count + 1, bin.Confidence + confidence, bin.Right + (predicted == label ? 1 : 0));
        if (hardestRows == 0 || (hardest.Count == hardestRows && hardest.TryPeek(out _, out var least) && loss <= least))
            return;
        var found = new RowFinding(row, loss)
        {
            Label = classes[label],
            Predicted = classes[predicted],
            Confidence = confidence,
        };
        hardest.Enqueue(found, loss);
        if (hardest.Count > hardestRows)
            hardest.Dequeue();
    }

    /// <summary>The logarithms of the probabilities of all classes.</summary>
    public void AddScores(int label, ReadOnlySpan<float> logProbabilities)
    {
        for (var c = 0; c < curves.Length; c++)
            curves[c].Add(logProbabilities[c], c == label);
    }

    public ValidationDetails Finish() =>
        new()
        {
            Classes = [.. Enumerable.Range(0, count).Select(Class)],
            Confusion = confusion is null ? null : [.. confusion.Chunk(count)],
            Calibration =
            [
                .. bins.Select(
                    (bin, i) =>
                        new CalibrationBin(
                            (double)i / CalibrationBins,
                            (i + 1.0) / CalibrationBins,
                            bin.Count,
                            bin.Confidence / bin.Count,
                            (double)bin.Right / bin.Count
                        )
                ),
            ],
            PrecisionRecall =
            [
                .. curves.Select((curve, c) => curve.Curve(classes[c])).Where(curve => !double.IsNaN(curve.AveragePrecision)),
            ],
            HardestRows = [.. hardest.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element)],
        };

    private ClassMetrics Class(int c)
    {
        var (recall, precision) = ((double)right[c] / seen[c], (double)right[c] / said[c]);
        return new(
            classes[c],
            new Dictionary<string, double>
            {
                ["count"] = seen[c],
                ["predicted"] = said[c],
                ["precision"] = precision,
                ["recall"] = recall,
                ["f1"] = 2.0 * right[c] / (seen[c] + said[c]),
                ["logLoss"] = losses[c] / seen[c],
            }
        );
    }
}
