using System.Globalization;
using System.Text;

namespace MLNetLosses;

/// <summary>
/// COCO's figures of a detector. Average precision is the area under the precision-recall curve, read at 101 recalls; the mean over classes that
/// have a target. NaN: not defined, since there is no target (of that size).
/// </summary>
public sealed class ObjectDetectionMetrics
{
    internal ObjectDetectionMetrics(int imageCount, IReadOnlyList<ObjectDetectionClassMetrics> perClass)
    {
        (ImageCount, PerClass) = (imageCount, perClass);
        AveragePrecision = Mean(one => one.AveragePrecision);
        AveragePrecision50 = Mean(one => one.AveragePrecision50);
        AveragePrecision75 = Mean(one => one.AveragePrecision75);
        AveragePrecisionSmall = Mean(one => one.MeanPrecision(1));
        AveragePrecisionMedium = Mean(one => one.MeanPrecision(2));
        AveragePrecisionLarge = Mean(one => one.MeanPrecision(3));
        AverageRecall1 = Mean(one => one.MeanRecall(0));
        AverageRecall10 = Mean(one => one.MeanRecall(1));
        AverageRecall100 = Mean(one => one.MeanRecall(2));
        AverageRecallSmall = Mean(one => one.MeanRecall(3));
        AverageRecallMedium = Mean(one => one.MeanRecall(4));
        AverageRecallLarge = Mean(one => one.MeanRecall(5));
    }

    /// <summary>The images.</summary>
    public int ImageCount { get; }

    /// <summary>The figures of each class, in the order of the classes.</summary>
    public IReadOnlyList<ObjectDetectionClassMetrics> PerClass { get; }

    /// <summary>The mean over classes of average precision at an intersection over union of 0.50: <see cref="AveragePrecision50"/> by its name and type in ML.NET.</summary>
    public float MAP50 => (float)AveragePrecision50;

    /// <summary>The mean over classes and over the thresholds 0.50, 0.55, ..., 0.95: <see cref="AveragePrecision"/> by its name and type in ML.NET.</summary>
    public float MAP50_95 => (float)AveragePrecision;

    /// <summary>Average precision, mean over the thresholds of intersection over union 0.50, 0.55, ..., 0.95: COCO's mAP.</summary>
    public double AveragePrecision { get; }

    /// <summary>Average precision at an intersection over union of 0.50.</summary>
    public double AveragePrecision50 { get; }

    /// <summary>Average precision at an intersection over union of 0.75.</summary>
    public double AveragePrecision75 { get; }

    /// <summary><see cref="AveragePrecision"/> of targets of at most 32 x 32 square pixels.</summary>
    public double AveragePrecisionSmall { get; }

    /// <summary><see cref="AveragePrecision"/> of targets of 32 x 32 to 96 x 96 square pixels.</summary>
    public double AveragePrecisionMedium { get; }

    /// <summary><see cref="AveragePrecision"/> of targets of at least 96 x 96 square pixels.</summary>
    public double AveragePrecisionLarge { get; }

    /// <summary>The share of the targets that is found by one detection an image and class, mean over thresholds and classes.</summary>
    public double AverageRecall1 { get; }

    /// <summary>The same with 10 detections an image and class.</summary>
    public double AverageRecall10 { get; }

    /// <summary>The same with 100 detections an image and class.</summary>
    public double AverageRecall100 { get; }

    /// <summary><see cref="AverageRecall100"/> of targets of at most 32 x 32 square pixels.</summary>
    public double AverageRecallSmall { get; }

    /// <summary><see cref="AverageRecall100"/> of targets of 32 x 32 to 96 x 96 square pixels.</summary>
    public double AverageRecallMedium { get; }

    /// <summary><see cref="AverageRecall100"/> of targets of at least 96 x 96 square pixels.</summary>
    public double AverageRecallLarge { get; }

    /// <summary><see cref="ObjectDetectionClassMetrics.AveragePrecision"/> of each class.</summary>
    public IReadOnlyList<double> AveragePrecisionPerClass => [.. PerClass.Select(one => one.AveragePrecision)];

    /// <summary>The figures as a table of text: all classes together, then each class.</summary>
    public string GetFormattedTable()
    {
        var width = Math.Max(9, PerClass.Select(one => one.Name.Length).DefaultIfEmpty(0).Max());
        var text = new StringBuilder();
        Line("", "mAP", "AP50", "AP75", "AR100", "targets", "detections");
        Line(
            "all",
            Figure(AveragePrecision),
            Figure(AveragePrecision50),
            Figure(AveragePrecision75),
            Figure(AverageRecall100),
            Count(PerClass.Sum(one => one.TargetCount)),
            Count(PerClass.Sum(one => one.DetectionCount))
        );
        Line("small", Figure(AveragePrecisionSmall), "", "", Figure(AverageRecallSmall), "", "");
        Line("medium", Figure(AveragePrecisionMedium), "", "", Figure(AverageRecallMedium), "", "");
        Line("large", Figure(AveragePrecisionLarge), "", "", Figure(AverageRecallLarge), "", "");
        foreach (var one in PerClass)
            Line(
                one.Name,
                Figure(one.AveragePrecision),
                Figure(one.AveragePrecision50),
                Figure(one.AveragePrecision75),
                Figure(one.AverageRecall100),
                Count(one.TargetCount),
                Count(one.DetectionCount)
            );
        return text.ToString();

        void Line(string name, string ap, string ap50, string ap75, string recall, string targets, string detections) =>
            text.AppendLine(
                $"{name.PadRight(width)}  {ap, 6}  {ap50, 6}  {ap75, 6}  {recall, 6}  {targets, 8}  {detections, 10}".TrimEnd()
            );
        static string Figure(double value) => double.IsNaN(value) ? "-" : value.ToString("0.0000", CultureInfo.InvariantCulture);
        static string Count(long value) => value.ToString(CultureInfo.InvariantCulture);
    }

    private double Mean(Func<ObjectDetectionClassMetrics, double> figure) =>
        PerClass.Select(figure).Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Average();
}
