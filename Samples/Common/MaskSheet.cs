using SkiaSharp;

namespace MLNetLosses.Samples;

/// <summary>Draws an image, its true mask, the predicted mask and the errors side by side.</summary>
public static class MaskSheet
{
    private const int Gap = 6;
    private const int Header = 22;
    private static readonly SKColor Wrong = new(230, 40, 40);
    private static readonly SKColor Unsure = new(224, 224, 192);

    /// <summary>Writes the sheet; small images are enlarged.</summary>
    /// <param name="imagePath">The image.</param>
    /// <param name="truth">The true mask.</param>
    /// <param name="prediction">The predicted mask, of the same size.</param>
    /// <param name="classNames">The names of the classes, for the legend.</param>
    /// <param name="ignoreIndex">A class index that does not count, or null.</param>
    /// <param name="title">What stands above the image.</param>
    /// <param name="path">The PNG to write.</param>
    public static void Write(
        string imagePath,
        SegmentationMask truth,
        SegmentationMask prediction,
        IReadOnlyList<string> classNames,
        int? ignoreIndex,
        string title,
        string path
    )
    {
        using var image = SKBitmap.Decode(imagePath);
        var scale = Math.Clamp(320 / truth.Width, 1, 4);
        var (width, height) = (truth.Width * scale, truth.Height * scale);
        var shown = Enumerable.Range(0, classNames.Count).Where(c => Has(truth, c) || Has(prediction, c)).ToArray();
        var legend = 20 * ((shown.Length + 5) / 6) + Gap;
        using var surface = SKSurface.Create(new SKImageInfo(4 * width + 5 * Gap, height + Header + 2 * Gap + legend));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        using var font = new SKFont(SKTypeface.Default, 13);
        using var ink = new SKPaint { Color = new SKColor(40, 40, 40), IsAntialias = true };
        var sampling = new SKSamplingOptions(SKFilterMode.Nearest);
        using var errors = Errors(truth, prediction, ignoreIndex);
        using var want = Colors(truth, ignoreIndex);
        using var got = Colors(prediction, null);
        var panels = new[] { (image, title), (want, "truth"), (got, "prediction"), (errors, "wrong pixels") };
        for (var i = 0; i < panels.Length; i++)
        {
            var left = Gap + i * (width + Gap);
            canvas.DrawText(panels[i].Item2, left, Header - 6, SKTextAlign.Left, font, ink);
            using var picture = SKImage.FromBitmap(panels[i].Item1);
            canvas.DrawImage(
                picture,
                SKRect.Create(left, Header, width, height),
                i == 0 ? new SKSamplingOptions(SKFilterMode.Linear) : sampling
            );
        }
        for (var i = 0; i < shown.Length; i++)
        {
            var (x, y) = (Gap + i % 6 * (4 * width / 6f), Header + height + 2 * Gap + i / 6 * 20);
            using var box = new SKPaint { Color = Color(truth.LayerCount == 0 ? shown[i] : shown[i] + 1) };
            canvas.DrawRect(x, y, 14, 14, box);
            canvas.DrawText(classNames[shown[i]], x + 18, y + 12, SKTextAlign.Left, font, ink);
        }
        using var snapshot = surface.Snapshot();
        using var file = File.Create(path);
        snapshot.Encode(SKEncodedImageFormat.Png, 100).SaveTo(file);
    }

    /// <summary>The colour of a class: dark grey for the first, then hues far apart.</summary>
    /// <param name="index">The class.</param>
    public static SKColor Color(int index) =>
        index == 0 ? new SKColor(50, 50, 60) : SKColor.FromHsv(index * 137.508f % 360, 55 + 25 * (index % 2), 95 - 20 * (index % 3));

    private static bool Has(SegmentationMask mask, int index) => mask.Areas(index + 1)[index] > 0;

    private static SKBitmap Colors(SegmentationMask mask, int? ignoreIndex) =>
        Paint(mask, i => ClassAt(mask, i) is var c && (c == SegmentationMask.Ignored || c == ignoreIndex) ? Unsure : Color(c));

    private static SKBitmap Errors(SegmentationMask truth, SegmentationMask prediction, int? ignoreIndex) =>
        Paint(
            truth,
            i =>
            {
                var wanted = ClassAt(truth, i);
                return wanted == SegmentationMask.Ignored || wanted == ignoreIndex ? Unsure
                    : wanted == ClassAt(prediction, i) ? SKColors.White
                    : Wrong;
            }
        );

    /// <summary>The class of a pixel; of layers that of the last one that is set, counted from 1, or ignored where one is.</summary>
    private static int ClassAt(SegmentationMask mask, int pixel)
    {
        if (mask.LayerCount == 0)
            return mask.Values[pixel];
        for (var layer = mask.LayerCount - 1; layer >= 0; layer--)
            if (mask.Layer(layer)[pixel] is not 0 and var value)
                return value == SegmentationMask.Ignored ? value : layer + 1;
        return 0;
    }

    private static SKBitmap Paint(SegmentationMask mask, Func<int, SKColor> color)
    {
        var bitmap = new SKBitmap(mask.Width, mask.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        bitmap.Pixels = [.. Enumerable.Range(0, mask.PixelCount).Select(color)];
        return bitmap;
    }
}
