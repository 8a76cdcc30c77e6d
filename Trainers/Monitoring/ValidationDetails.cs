using System.Text.Json.Serialization;

namespace MLNetLosses.Training;

/// <summary>What a validation found beyond its metrics. All of it is optional; the log, TensorBoard and the report show what is there.</summary>
public sealed record ValidationDetails
{
    /// <summary>Metrics of each class.</summary>
    public IReadOnlyList<ClassMetrics> Classes { get; init; } = [];

    /// <summary>How often each class (first index) was predicted as each class (second index); null: not counted, or too many classes.</summary>
    public IReadOnlyList<IReadOnlyList<long>>? Confusion { get; init; }

    /// <summary>How well stated confidence and share of right answers agree, by bins of confidence.</summary>
    public IReadOnlyList<CalibrationBin> Calibration { get; init; } = [];

    /// <summary>Precision over recall, a curve a class.</summary>
    public IReadOnlyList<PrecisionRecallCurve> PrecisionRecall { get; init; } = [];

    /// <summary>The rows with the highest losses, the highest first.</summary>
    public IReadOnlyList<RowFinding> HardestRows { get; init; } = [];

    /// <summary>Pictures to show: overlays of masks, detections, ...</summary>
    public IReadOnlyList<ReportPicture> Pictures { get; init; } = [];
}

/// <summary>Metrics of a class.</summary>
/// <param name="Name">The class.</param>
/// <param name="Values">By name: <c>count</c>, <c>precision</c>, <c>recall</c>, <c>iou</c>, ... NaN: not defined.</param>
public sealed record ClassMetrics(string Name, IReadOnlyDictionary<string, double> Values);

/// <summary>A bin of a reliability diagram.</summary>
/// <param name="Low">Its lower end, included.</param>
/// <param name="High">Its upper end, excluded but in the last bin.</param>
/// <param name="Count">Predictions with a confidence in it.</param>
/// <param name="Confidence">Their mean confidence; NaN where there are none.</param>
/// <param name="Accuracy">The share of them that was right; NaN where there are none.</param>
public sealed record CalibrationBin(double Low, double High, long Count, double Confidence, double Accuracy);

/// <summary>Precision over recall.</summary>
/// <param name="Name">The class.</param>
/// <param name="AveragePrecision">The area under the curve, in [0, 1].</param>
/// <param name="Recall">Recall of each point, rising.</param>
/// <param name="Precision">Precision of each point.</param>
public sealed record PrecisionRecallCurve(
    string Name,
    double AveragePrecision,
    IReadOnlyList<double> Recall,
    IReadOnlyList<double> Precision
);

/// <summary>A row that stands out.</summary>
/// <param name="Row">Its number in its data view.</param>
/// <param name="Loss">Its loss, or what the task counts instead.</param>
public sealed record RowFinding(long Row, double Loss)
{
    /// <summary>What the data say that it is.</summary>
    public string? Label { get; init; }

    /// <summary>What the network says that it is.</summary>
    public string? Predicted { get; init; }

    /// <summary>How sure the network is of that, in [0, 1].</summary>
    public double? Confidence { get; init; }

    /// <summary>Where it comes from, such as a file.</summary>
    public string? Source { get; init; }

    /// <summary>What <see cref="Loss"/> is where it is no loss; null: a loss.</summary>
    [JsonInclude]
    internal string? Measure { get; init; }
}

/// <summary>A picture for the report.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Content">The bytes of a PNG or JPEG.</param>
public sealed record ReportPicture(string Title, byte[] Content);
