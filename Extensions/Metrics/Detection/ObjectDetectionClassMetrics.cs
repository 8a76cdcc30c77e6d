namespace MLNetLosses;

/// <summary>
/// COCO's figures of one class. NaN: not defined, since the class has no target (of that size), and left out of the means over classes.
/// </summary>
public sealed class ObjectDetectionClassMetrics
{
    private static readonly int[] Limits = [1, 10, CocoRules.MaxDetections];

    private readonly PrecisionRecallPoint[][] curves = new PrecisionRecallPoint[CocoRules.ThresholdCount][];
    private readonly double[,] precision = new double[CocoRules.AreaCount, CocoRules.ThresholdCount];
    private readonly double[] recall = new double[Limits.Length + CocoRules.AreaCount - 1];

    internal ObjectDetectionClassMetrics(string name, ClassDetections detections)
    {
        (Name, TargetCount, DetectionCount) = (name, detections.TargetCount(0), detections.DetectionCount);
        var sorted = detections.Sorted();
        for (var area = 0; area < CocoRules.AreaCount; area++)
        for (var threshold = 0; threshold < CocoRules.ThresholdCount; threshold++)
        {
            var curve = Curve(sorted, detections.TargetCount(area), area, threshold);
            precision[area, threshold] = curve.Average(point => point.Precision);
            if (area == 0)
                curves[threshold] = curve;
        }
        for (var i = 0; i < recall.Length; i++)
            recall[i] =
                i < Limits.Length
                    ? Recall(sorted, detections.TargetCount(0), 0, Limits[i])
                    : Recall(sorted, detections.TargetCount(i - Limits.Length + 1), i - Limits.Length + 1, CocoRules.MaxDetections);
    }

    /// <summary>The name of the class.</summary>
    public string Name { get; }

    /// <summary>Its targets, without crowds.</summary>
    public long TargetCount { get; }

    /// <summary>Its detections: at most 100 an image.</summary>
    public long DetectionCount { get; }

    /// <summary>Average precision, the mean over the thresholds of intersection over union 0.50, 0.55, ..., 0.95.</summary>
    public double AveragePrecision => MeanPrecision(0);

    /// <summary>Average precision at an intersection over union of 0.50.</summary>
    public double AveragePrecision50 => precision[0, 0];

    /// <summary>Average precision at an intersection over union of 0.75.</summary>
    public double AveragePrecision75 => precision[0, 5];

    /// <summary>The share of the targets that is found by at most 100 detections an image, the mean over the thresholds.</summary>
    public double AverageRecall100 => recall[2];

    /// <summary>Precision at the 101 recalls 0, 0.01, ..., 1; empty where the class has no target.</summary>
    /// <param name="threshold">Intersection over union from which a detection is right: 0.5, 0.55, ..., 0.95.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public IReadOnlyList<PrecisionRecallPoint> PrecisionRecallCurve(double threshold = 0.5)
    {
        for (var i = 0; i < CocoRules.ThresholdCount; i++)
            if (Math.Abs(CocoRules.Threshold(i) - threshold) < 1e-9)
                return TargetCount == 0 ? [] : curves[i];
        throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "It must be one of 0.5, 0.55, 0.6, ..., 0.95.");
    }

    /// <summary>The mean over thresholds, of targets of a kind of areas.</summary>
    internal double MeanPrecision(int area) => Enumerable.Range(0, CocoRules.ThresholdCount).Average(t => precision[area, t]);

    /// <summary>Recall with 1, 10, 100 detections, then of small, medium and large targets with 100.</summary>
    internal double MeanRecall(int index) => recall[index];

    private static double Recall(ClassDetections.Detection[] sorted, long targets, int area, int limit)
    {
        long found = 0;
        foreach (var detection in sorted)
            if (detection.Rank < limit)
                for (var threshold = 0; threshold < CocoRules.ThresholdCount; threshold++)
                    found += detection.Finds(area, threshold) ? 1 : 0;
        return targets == 0 ? double.NaN : (double)found / targets / CocoRules.ThresholdCount;
    }

    private static PrecisionRecallPoint[] Curve(ClassDetections.Detection[] sorted, long targets, int area, int threshold)
    {
        var points = new PrecisionRecallPoint[CocoRules.RecallPointCount];
        var steps = new List<(long Found, long All, double Score)>();
        var (found, all) = (0L, 0L);
        foreach (var detection in sorted)
        {
            if (!detection.Counts(area, threshold))
                continue;
            all++;
            if (detection.Finds(area, threshold))
                steps.Add((++found, all, detection.Score));
        }
        // From the right: the best precision of all steps that reach at least the recall.
        var (at, best) = (steps.Count - 1, 0.0);
        var score = double.NaN;
        for (var i = points.Length - 1; i >= 0; i--)
        {
            var recall = CocoRules.RecallPoint(i);
            for (; at >= 0 && (double)steps[at].Found / targets >= recall; at--)
            {
                best = Math.Max(best, (double)steps[at].Found / steps[at].All);
                score = steps[at].Score;
            }
            points[i] = new(recall, targets == 0 ? double.NaN : best, score);
        }
        return points;
    }
}
