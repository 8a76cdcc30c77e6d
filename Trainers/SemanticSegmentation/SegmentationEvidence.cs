using MLNetLosses.Data;
using MLNetLosses.Masks;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a validation shows beyond its metrics: figures of classes, and the images on which most pixels went wrong with their overlays.</summary>
internal sealed class SegmentationEvidence(MaskedImageStore images, IReadOnlyList<string> classes)
{
    private const int MostRows = 20;
    private const int MostPictures = 6;
    private const int LongestSide = 900;
    private const int MostForConfusion = 64;
    private const double Opacity = 0.6;

    private readonly PriorityQueue<Image, double> worst = new();
    private readonly uint[] palette = MaskPalette.Of(null);

    /// <summary>Looks at an image.</summary>
    /// <param name="position">Its place in the store.</param>
    /// <param name="wrong">The share of its pixels that went wrong.</param>
    /// <param name="prediction">Makes the class of each pixel, or the layers; null where nothing is drawn.</param>
    public void Add(int position, double wrong, Func<byte[]>? prediction)
    {
        if (double.IsNaN(wrong) || (worst.Count == MostRows && worst.TryPeek(out _, out var least) && wrong <= least))
            return;
        worst.Enqueue(new(position, wrong, prediction?.Invoke()), wrong);
        if (worst.Count > MostRows)
            worst.Dequeue();
    }

    /// <param name="present">Pixels of each class.</param>
    /// <param name="predicted">Pixels that each class was predicted for.</param>
    /// <param name="hits">Pixels of each class that it was predicted for.</param>
    /// <param name="confusion">Counts; null where classes overlap.</param>
    public ValidationDetails Finish(
        IReadOnlyList<double> present,
        IReadOnlyList<double> predicted,
        IReadOnlyList<double> hits,
        SegmentationConfusion? confusion
    )
    {
        var rows = worst.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element).ToList();
        return new()
        {
            Classes = [.. classes.Select((name, c) => new ClassMetrics(name, Figures(present[c], predicted[c], hits[c])))],
            Confusion =
                confusion is null || confusion.ClassCount > MostForConfusion
                    ? null
                    :
                    [
                        .. Enumerable
                            .Range(0, confusion.ClassCount)
                            .Select(c => (long[])[.. Enumerable.Range(0, confusion.ClassCount).Select(p => confusion[c, p])]),
                    ],
            HardestRows =
            [
                .. rows.Select(image => new RowFinding(images.Row(image.Position), image.Wrong)
                {
                    Measure = "share of wrong pixels",
                    Source = images.File(image.Position),
                }),
            ],
            Pictures = [.. rows.Where(image => image.Prediction is not null).Take(MostPictures).Select(Picture)],
        };
    }

    private static Dictionary<string, double> Figures(double present, double predicted, double hits) =>
        new()
        {
            ["count"] = present,
            ["predicted"] = predicted,
            ["iou"] = hits / (present + predicted - hits),
            ["dice"] = 2 * hits / (present + predicted),
            ["precision"] = hits / predicted,
            ["recall"] = hits / present,
        };

    private ReportPicture Picture(Image image)
    {
        var sample = images.Read(image.Position);
        var (width, height, count) = (sample.Width, sample.Height, sample.Width * sample.Height);
        RgbaPixels[] shown = [Painted(null), Painted(sample.Mask.ToArray()), Painted(image.Prediction)];
        var planes = new byte[3 * shown.Length * count];
        for (var channel = 0; channel < 3; channel++)
        for (var y = 0; y < height; y++)
        for (var x = 0; x < shown.Length * width; x++)
            planes[(channel * height + y) * shown.Length * width + x] = shown[x / width].Values[4 * (y * width + x % width) + channel];
        return new(
            $"Row {images.Row(image.Position)}: image, mask, prediction; {image.Wrong:P1} of the pixels wrong",
            PngEncoder.Encode(planes, shown.Length * width, height, 3, LongestSide)
        );

        RgbaPixels Painted(byte[]? mask)
        {
            var pixels = sample.Pixels.Span;
            var isGrey = pixels.Length == count;
            var picture = RgbaPixels.OfPlanes(width, height, isGrey ? [.. pixels, .. pixels, .. pixels] : pixels);
            if (mask is not null)
                picture.Paint(SegmentationMask.Owning(width, height, images.LayerCount, mask), palette, Opacity);
            return picture;
        }
    }

    private sealed record Image(int Position, double Wrong, byte[]? Prediction);
}
