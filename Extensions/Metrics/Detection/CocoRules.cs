namespace MLNetLosses;

/// <summary>The thresholds, areas and recall points of COCO's evaluation, in the floating-point steps of its reference implementation.</summary>
internal static class CocoRules
{
    /// <summary>Detections an image and class that count.</summary>
    public const int MaxDetections = 100;

    /// <summary>Kinds of areas: all, small, medium, large.</summary>
    public const int AreaCount = 4;

    public const int ThresholdCount = 10;

    public const int RecallPointCount = 101;

    private const double Everything = 1e10;

    /// <summary>Intersection over union from which a detection matches: 0.50, 0.55, ..., 0.95.</summary>
    public static double Threshold(int index) => index == ThresholdCount - 1 ? 0.95 : 0.5 + index * ((0.95 - 0.5) / (ThresholdCount - 1));

    /// <summary>Recall at which precision is read: 0, 0.01, ..., 1.</summary>
    public static double RecallPoint(int index) => index == RecallPointCount - 1 ? 1 : index * 0.01;

    /// <summary>Whether an area in square pixels lies outside a kind of areas; the ends belong to it.</summary>
    public static bool IsOutside(int kind, double area) =>
        kind switch
        {
            0 => area > Everything,
            1 => area > 32 * 32,
            2 => area is < 32 * 32 or > 96 * 96,
            _ => area is < 96 * 96 or > Everything,
        };
}
