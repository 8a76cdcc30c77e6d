using MLNetLosses.Data;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a validation shows beyond its metrics: figures and curves of classes, and the images on which most went wrong.</summary>
/// <param name="images">The images.</param>
/// <param name="classes">Names of the classes.</param>
/// <param name="scoreThreshold">From which score on a detection counts as said.</param>
/// <param name="draws">Whether the worst images are drawn.</param>
internal sealed class DetectionEvidence(SizedImageStore images, IReadOnlyList<string> classes, double scoreThreshold, bool draws)
{
    private const int MostRows = 20;
    private const int MostPictures = 8;
    private const int LongestSide = 640;
    private const uint TruthColor = 0xFFFFFF;

    private readonly PriorityQueue<Image, (int Count, int Position)> worst = new();
    private readonly long[] said = new long[classes.Count];

    /// <summary>Looks at an image.</summary>
    public void Add(int position, RowObjects truth, Detections detections)
    {
        for (var i = 0; i < detections.Scores.Length; i++)
            if (detections.Scores[i] >= scoreThreshold)
                said[detections.Classes[i]]++;
        var errors = DetectionErrors.Of(truth, detections, scoreThreshold);
        if (errors.Count == 0)
            return;
        worst.Enqueue(new(position, truth, detections, errors), (errors.Count, -position));
        if (worst.Count > MostRows)
            worst.Dequeue();
    }

    public ValidationDetails Finish(ObjectDetectionMetrics metrics)
    {
        var rows = worst.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element).ToList();
        return new()
        {
            Classes = [.. metrics.PerClass.Select((one, c) => Figures(one, said[c]))],
            PrecisionRecall = [.. metrics.PerClass.Where(one => one.TargetCount > 0).Select(Curve)],
            HardestRows = [.. rows.Select(Finding)],
            Pictures = draws ? [.. rows.Take(MostPictures).Select(Picture)] : [],
        };
    }

    private static ClassMetrics Figures(ObjectDetectionClassMetrics one, long said) =>
        new(
            one.Name,
            new Dictionary<string, double>
            {
                ["count"] = one.TargetCount,
                ["predicted"] = said,
                ["mAP"] = one.AveragePrecision,
                ["AP50"] = one.AveragePrecision50,
                ["AP75"] = one.AveragePrecision75,
                ["recall"] = one.AverageRecall100,
            }
        );

    private static PrecisionRecallCurve Curve(ObjectDetectionClassMetrics one)
    {
        var points = one.PrecisionRecallCurve();
        return new(
            one.Name,
            one.AveragePrecision50,
            [.. points.Select(point => point.Recall)],
            [.. points.Select(point => point.Precision)]
        );
    }

    private RowFinding Finding(Image image) =>
        new(images.Row(image.Position), image.Errors.Count)
        {
            Label = Quantity.Of(image.Truth.Labels.Length, "object"),
            Predicted = $"{image.Errors.Found} found, {image.Errors.Missed} missed, {image.Errors.Wrong} wrong",
            Measure = "missed and wrong objects",
            Source = images.File(image.Position),
        };

    private ReportPicture Picture(Image image)
    {
        var pixels = images.Read(image.Position);
        var picture = RgbaPixels.OfPlanes(pixels.Width, pixels.Height, pixels.Planes);
        var (x, y) = ((double)pixels.Width / pixels.SourceWidth, (double)pixels.Height / pixels.SourceHeight);
        Frames(image.Truth.Boxes, image.Truth.Labels.Length, (_, x0, y0, x1, y1) => picture.Frame(x0, y0, x1, y1, 3, TruthColor));
        var said = image.Detections.Scores.Count(score => score >= scoreThreshold);
        Frames(
            image.Detections.Boxes,
            said,
            (i, x0, y0, x1, y1) =>
            {
                var name = classes[image.Detections.Classes[i]];
                var color = PixelDrawing.ColorOf(name);
                picture.Frame(x0, y0, x1, y1, 1, color);
                picture.Label(FormattableString.Invariant($"{name} {image.Detections.Scores[i]:0.00}"), x0, y0, 1, color);
            }
        );
        return new(
            FormattableString.Invariant(
                $"Row {images.Row(image.Position)}: {Finding(image).Predicted} (truth white, scores from {scoreThreshold:0.##} on)"
            ),
            PngEncoder.Encode(picture.ToPlanes(), picture.Width, picture.Height, 3, LongestSide)
        );

        void Frames(float[] boxes, int count, Action<int, double, double, double, double> draw)
        {
            for (var i = 0; i < count; i++)
                draw(i, x * boxes[4 * i], y * boxes[4 * i + 1], x * boxes[4 * i + 2], y * boxes[4 * i + 3]);
        }
    }

    private sealed record Image(int Position, RowObjects Truth, Detections Detections, DetectionErrors Errors);
}
