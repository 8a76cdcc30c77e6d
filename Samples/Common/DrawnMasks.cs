using SkiaSharp;

namespace MLNetLosses.Samples;

/// <summary>Blood smears with a mask each, which the segmentation sample draws when it is given none. Platelets are few and small.</summary>
public static class DrawnMasks
{
    /// <summary>The classes in the order of the masks' indices.</summary>
    public static IReadOnlyList<string> Classes { get; } = ["background", .. Enum.GetNames<CellKind>()];

    private static readonly (string Part, int Count)[] Parts = [("train", 160), ("validation", 24), ("test", 32)];

    /// <summary>Draws the set; images that are there already are kept.</summary>
    /// <param name="folder">Gets <c>train</c>, <c>validation</c> and <c>test</c>, each with images, masks and classes.txt.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="seed">Decides everything that varies.</param>
    /// <returns>The three folders.</returns>
    public static (string Train, string Validation, string Test) Draw(string folder, int width = 128, int height = 96, int seed = 1)
    {
        for (var part = 0; part < Parts.Length; part++)
        {
            var (name, count) = Parts[part];
            var (images, masks) = (Path.Combine(folder, name, "images"), Path.Combine(folder, name, "masks"));
            Directory.CreateDirectory(images);
            Directory.CreateDirectory(masks);
            File.WriteAllLines(Path.Combine(folder, name, "classes.txt"), Classes);
            for (var i = 0; i < count; i++)
            {
                var file = $"{i:000}.png";
                if (File.Exists(Path.Combine(masks, file)))
                    continue;
                var (image, mask) = Paint(width, height, new Random((seed * 10 + part) * 1000 + i));
                using (image)
                using (mask)
                {
                    Save(image, Path.Combine(images, file));
                    Save(mask, Path.Combine(masks, file));
                }
            }
        }
        return (Path.Combine(folder, "train"), Path.Combine(folder, "validation"), Path.Combine(folder, "test"));
    }

    /// <summary>Paints a smear: red cells, one or two white cells, now and then a platelet; and its mask of class indices, 8-bit greyscale.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="random">Decides everything that varies.</param>
    public static (SKBitmap Image, SKBitmap Mask) Paint(int width, int height, Random random)
    {
        var image = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var painted = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var light = (float)(0.85 + 0.25 * random.NextDouble());
        using (var canvas = new SKCanvas(image))
        using (var mask = new SKCanvas(painted))
        {
            canvas.Clear(CellPainter.Shade(new SKColor(236, 224, 226), light));
            mask.Clear(SKColors.Black);
            void Add(CellKind kind)
            {
                var index = (byte)((int)kind + 1);
                var at = new SKPoint((float)(width * random.NextDouble()), (float)(height * random.NextDouble()));
                CellPainter.DrawCell(canvas, kind, at, 0.55f * height, light, random, mask, new SKColor(index, index, index));
            }
            for (var i = 5 + random.Next(5); i > 0; i--)
                Add(CellKind.Erythrocyte);
            for (var i = random.Next(3); i > 0; i--)
                Add(CellKind.Platelet);
            for (var i = 1 + random.Next(2); i > 0; i--)
                Add(
                    random.NextDouble() < 0.5 ? CellKind.Neutrophil
                    : random.NextDouble() < 0.6 ? CellKind.Lymphocyte
                    : CellKind.Eosinophil
                );
        }
        CellPainter.AddNoise(image, 5 + random.Next(6), random);
        return (image, Gray(painted));
    }

    private static SKBitmap Gray(SKBitmap colors)
    {
        var gray = new SKBitmap(colors.Width, colors.Height, SKColorType.Gray8, SKAlphaType.Opaque);
        var from = colors.GetPixelSpan();
        var rows = new byte[gray.RowBytes * gray.Height];
        for (var y = 0; y < colors.Height; y++)
        for (var x = 0; x < colors.Width; x++)
            rows[y * gray.RowBytes + x] = from[y * colors.RowBytes + 4 * x];
        System.Runtime.InteropServices.Marshal.Copy(rows, 0, gray.GetPixels(), rows.Length);
        return gray;
    }

    private static void Save(SKBitmap bitmap, string path)
    {
        using var file = File.Create(path);
        bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
    }
}
