using MLNetLosses.Data;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Four images as one: each at half size in a quarter, all touching the middle (Bochkovskiy et al. 2020, YOLOv4). More and smaller objects a batch.</summary>
internal static class Mosaic
{
    private const long Purpose = 0xB0C7;
    private const int Parts = 4;
    private const float LeastSide = 0.5f;

    /// <summary>The images that are put together with the one at a place of an epoch; null: it stays alone.</summary>
    /// <param name="share">Share of the images that become mosaics.</param>
    /// <param name="count">How many images there are.</param>
    /// <param name="seed">Decides it, with the two others.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="draw">Which image of the epoch it is.</param>
    public static int[]? Partners(double share, int count, long seed, int epoch, int draw)
    {
        if (share == 0)
            return null;
        var random = new RandomStream(Purpose, seed, epoch, draw);
        if (!random.Chance(share))
            return null;
        var partners = new int[Parts - 1];
        foreach (ref var partner in partners.AsSpan())
            partner = random.Below(count);
        return partners;
    }

    /// <summary>Puts four images together, in the size of the first; a tensor in the caller's dispose scope.</summary>
    /// <param name="parts">Images and their objects: upper left, upper right, lower left, lower right.</param>
    /// <param name="normalization">Tells the channels.</param>
    public static (DetectionImage Image, ImageObjects Objects) Make(
        IReadOnlyList<(DetectionImage Image, ImageObjects Objects)> parts,
        PixelNormalization normalization
    )
    {
        using var scope = NewDisposeScope();
        var (height, width) = (parts[0].Image.Height, parts[0].Image.Width);
        var canvas = zeros([1, normalization.Channels, height, width], ScalarType.Float32);
        var (boxes, classes, ignored) = (new List<float>(), new List<int>(), new List<float>());
        for (var part = 0; part < Parts; part++)
        {
            var (image, objects) = parts[part];
            var scale = Math.Min(width / 2.0 / image.Width, height / 2.0 / image.Height);
            var (w, h) = (Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale)));
            var (x, y) = (width / 2 - (part % 2 == 0 ? w : 0), height / 2 - (part < 2 ? h : 0));
            canvas.narrow(2, y, h).narrow(3, x, w).copy_(TensorResize.Bilinear(image.ToTensor(), h, w));
            for (var i = 0; i < objects.Classes.Length; i++)
                if (Add(boxes, objects.Boxes.AsSpan(4 * i, 4), x, y, (float)w / image.Width, (float)h / image.Height))
                    classes.Add(objects.Classes[i]);
            for (var i = 0; i < objects.Ignored.Length; i += 4)
                Add(ignored, objects.Ignored.AsSpan(i, 4), x, y, (float)w / image.Width, (float)h / image.Height);
        }
        return (DetectionImage.Of(scope.MoveToOuter(canvas), normalization), new([.. boxes], [.. classes], [.. ignored]));
    }

    private static bool Add(List<float> to, ReadOnlySpan<float> box, int x, int y, float scaleX, float scaleY)
    {
        if ((box[2] - box[0]) * scaleX < LeastSide || (box[3] - box[1]) * scaleY < LeastSide)
            return false;
        to.AddRange([x + box[0] * scaleX, y + box[1] * scaleY, x + box[2] * scaleX, y + box[3] * scaleY]);
        return true;
    }
}
