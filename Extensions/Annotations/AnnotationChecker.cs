namespace MLNetLosses.Data;

/// <summary>Makes rows of annotations: checks and repairs them, and turns boxes with their images.</summary>
internal sealed class AnnotationChecker(AnnotationOptions options, IReadOnlyList<string>? classes, AnnotationOrientation unclear)
{
    private const double Tolerance = 1; // pixels that tools exceed by rounding
    private const int MaxExamples = 20;

    private readonly HashSet<string>? known = classes?.ToHashSet(StringComparer.Ordinal);
    private readonly AnnotationReport report = new();
    private readonly List<string> examples = [];

    public AnnotationReport Report
    {
        get
        {
            report.Examples = examples;
            return report;
        }
    }

    /// <summary>Rows of all images that can be used, in their order. Headers of image files are read by several threads.</summary>
    /// <exception cref="InvalidDataException">Something is wrong that the options do not repair.</exception>
    public List<ObjectDetectionRow> Rows(IReadOnlyList<AnnotatedImage> images)
    {
        var headers = new ImageHeader?[images.Count];
        if (options.ReadImageHeaders || images.Any(image => image.Shares))
            Parallel.For(0, images.Count, i => headers[i] = images[i].ImagePath is { } path ? ImageHeader.Read(path) : null);
        var rows = new List<ObjectDetectionRow>(images.Count);
        for (var i = 0; i < images.Count; i++)
            if (Row(images[i], headers[i]) is { } row)
                rows.Add(row);
        return rows;
    }

    private ObjectDetectionRow? Row(AnnotatedImage image, ImageHeader? header)
    {
        if (Missing(image, header) is { } missing)
        {
            Repair(AnnotationRepairs.SkipMissingFiles, $"{image.Source}: {missing}");
            report.MissingFileCount++;
            return null;
        }
        var size =
            header is { } known ? known.UprightSize
            : image.Size is { } told ? told
            : ((double Width, double Height)?)null;
        var turned = header is { IsUpright: false } turning && RefersToStored(image, turning);
        var (labels, boxes, ignored, areas) = (new List<string>(), new List<float>(), new List<bool>(), new List<float>());
        foreach (var one in image.Objects)
        {
            if (!IsKnown(image, one))
                continue;
            var box = image.Shares ? Scale(one.Box, turned ? (header!.Value.Width, header.Value.Height) : size!.Value) : one.Box;
            if (box.IsEmpty)
            {
                LeaveOut(image, one, box, "has no area: its right and bottom edges must lie behind the left and top ones");
                continue;
            }
            if (turned)
                box = header!.Value.Turn(box);
            if (size is { } within && !Fit(image, one, ref box, within))
                continue;
            labels.Add(one.Class!);
            boxes.AddRange([(float)box.X0, (float)box.Y0, (float)box.X1, (float)box.Y1]);
            ignored.Add(one.Ignored);
            areas.Add((float)(one.Area ?? box.Area));
        }
        report.ImageCount++;
        report.ObjectCount += labels.Count;
        report.EmptyImageCount += labels.Count == 0 ? 1 : 0;
        report.TurnedImageCount += turned && labels.Count > 0 ? 1 : 0;
        return new()
        {
            ImagePath = image.ImagePath!,
            Label = [.. labels],
            BoundingBoxes = [.. boxes],
            Ignored = [.. ignored],
            Area = [.. areas],
        };
    }

    private string? Missing(AnnotatedImage image, ImageHeader? header) =>
        image.Missing
        ?? (
            image.ImagePath is null ? $"the image '{image.Wanted}' is missing."
            : header is not null || !(options.ReadImageHeaders || image.Shares) ? null
            : File.Exists(image.ImagePath)
                ? $"'{image.ImagePath}' is no image that can be read (JPEG, PNG, WebP, GIF, BMP), or it is damaged."
            : $"the image '{image.ImagePath}' is missing."
        );

    /// <summary>Whether the boxes of an image that is shown turned refer to its pixels as stored.</summary>
    private bool RefersToStored(AnnotatedImage image, ImageHeader header)
    {
        if (options.Orientation != AnnotationOrientation.Automatic)
            return options.Orientation == AnnotationOrientation.Stored;
        if (header.SwapsAxes && header.Width != header.Height && image.Size is { } told)
        {
            if (told == (header.Width, header.Height))
                return true;
            if (told == (header.Height, header.Width))
                return false;
        }
        return unclear == AnnotationOrientation.Stored;
    }

    private bool IsKnown(AnnotatedImage image, AnnotatedObject one)
    {
        if (one.Class is not null && (known is null || known.Contains(one.Class)))
            return true;
        var allowed = known is null ? "" : $" Known are {string.Join(", ", known.Take(50).Select(name => $"'{name}'"))}.";
        Repair(AnnotationRepairs.SkipUnknownClasses, $"{image.Source}, {one.Place}: the class '{one.ClassText}' is not known.{allowed}");
        report.UnknownClassCount++;
        return false;
    }

    private bool Fit(AnnotatedImage image, AnnotatedObject one, ref AnnotationBox box, (double Width, double Height) size)
    {
        var clipped = box.Clip(size.Width, size.Height);
        var overshoot = box.Overshoot(size.Width, size.Height);
        if (overshoot >= Tolerance)
        {
            var beyond = FormattableString.Invariant($"reaches {overshoot:0.##} pixels beyond the {size.Width:0} x {size.Height:0} image");
            if (clipped.IsEmpty)
            {
                LeaveOut(image, one, box, $"lies outside: it {beyond}");
                return false;
            }
            Repair(AnnotationRepairs.ClipBoxes, Sentence(image, one, box, beyond));
            report.ClippedBoxCount++;
        }
        else if (clipped.IsEmpty)
        {
            LeaveOut(image, one, box, "has no area within the image");
            return false;
        }
        box = clipped;
        return true;
    }

    private void LeaveOut(AnnotatedImage image, AnnotatedObject one, AnnotationBox box, string problem)
    {
        Repair(AnnotationRepairs.SkipEmptyBoxes, Sentence(image, one, box, problem));
        report.EmptyBoxCount++;
    }

    private void Repair(AnnotationRepairs repair, string problem)
    {
        if (!options.Repairs.HasFlag(repair))
            throw new InvalidDataException(
                $"{problem} Mend the data, or set {nameof(AnnotationOptions)}.{nameof(AnnotationOptions.Repairs)} to {nameof(AnnotationRepairs)}.{repair} to go on without, counted in the report."
            );
        if (examples.Count < MaxExamples)
            examples.Add(problem);
    }

    private static string Sentence(AnnotatedImage image, AnnotatedObject one, AnnotationBox box, string problem) =>
        $"{image.Source}, {one.Place} ('{one.ClassText}'): the box {box} {problem}.";

    private static AnnotationBox Scale(AnnotationBox box, (double Width, double Height) size) =>
        new(box.X0 * size.Width, box.Y0 * size.Height, box.X1 * size.Width, box.Y1 * size.Height);
}
