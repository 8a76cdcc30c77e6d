using System.Globalization;
using System.Xml.Linq;
using SkiaSharp;

namespace MLNetLosses.Samples;

/// <summary>
/// A small set of smears with several cells each, which the object detection sample draws when it is given none: Pascal VOC's folders with
/// <c>train.txt</c>, <c>val.txt</c> and <c>test.txt</c>.
/// </summary>
public static class DrawnSmears
{
    private const int Width = 192;
    private const int Height = 144;
    private const int CellScale = 72;

    // Red cells are most of a smear, as in blood.
    private static readonly (CellKind Kind, int Weight)[] Kinds =
    [
        (CellKind.Erythrocyte, 8),
        (CellKind.Platelet, 3),
        (CellKind.Neutrophil, 2),
        (CellKind.Lymphocyte, 2),
    ];

    /// <summary>Draws the set; a set that is there already is kept.</summary>
    /// <param name="folder">Gets <c>JPEGImages</c>, <c>Annotations</c> and the lists.</param>
    /// <param name="seed">Decides everything that varies.</param>
    /// <returns>The folder.</returns>
    public static string Draw(string folder, int seed = 1)
    {
        Directory.CreateDirectory(Path.Combine(folder, "JPEGImages"));
        Directory.CreateDirectory(Path.Combine(folder, "Annotations"));
        foreach (var (part, count, number) in new[] { ("train", 160, 0), ("val", 40, 1), ("test", 40, 2) })
        {
            var list = Path.Combine(folder, part + ".txt");
            if (File.Exists(list))
                continue;
            string[] names = [.. Enumerable.Range(0, count).Select(i => $"{part}_{i:000}")];
            for (var i = 0; i < count; i++)
                DrawOne(folder, names[i], new Random(seed * 100_000 + number * 10_000 + i));
            File.WriteAllLines(list, names);
        }
        return folder;
    }

    private static void DrawOne(string folder, string name, Random random)
    {
        using var bitmap = new SKBitmap(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var canvas = new SKCanvas(bitmap);
        var light = (float)(0.85 + 0.25 * random.NextDouble());
        canvas.Clear(CellPainter.Shade(new SKColor(236, 224, 226), light));
        var cells = new List<(CellKind Kind, SKRectI Box)>();
        var wanted = 3 + random.Next(7);
        for (var tries = 0; cells.Count < wanted && tries < 60; tries++)
        {
            var kind = Pick(random);
            var centre = new SKPoint(random.Next(8, Width - 8), random.Next(8, Height - 8));
            using var cell = new SKBitmap(Width, Height, SKColorType.Rgba8888, SKAlphaType.Premul);
            using (var own = new SKCanvas(cell))
                CellPainter.DrawCell(own, kind, centre, CellScale, light, random);
            if (Bounds(cell) is not { } box || cells.Any(other => Overlap(box, other.Box) > 0.25))
                continue;
            canvas.DrawBitmap(cell, 0, 0);
            cells.Add((kind, box));
        }
        canvas.Flush();
        CellPainter.AddNoise(bitmap, 5 + random.Next(6), random);
        using (var file = File.Create(Path.Combine(folder, "JPEGImages", name + ".jpg")))
            bitmap.Encode(file, SKEncodedImageFormat.Jpeg, 95);
        Annotation(name, cells).Save(Path.Combine(folder, "Annotations", name + ".xml"));
    }

    private static CellKind Pick(Random random)
    {
        var left = random.Next(Kinds.Sum(kind => kind.Weight));
        foreach (var (kind, weight) in Kinds)
            if ((left -= weight) < 0)
                return kind;
        return Kinds[0].Kind;
    }

    /// <summary>The pixels that are mostly covered; null where there are hardly any.</summary>
    private static SKRectI? Bounds(SKBitmap cell)
    {
        var (left, top, right, bottom) = (Width, Height, 0, 0);
        var pixels = cell.GetPixelSpan();
        for (var y = 0; y < Height; y++)
        for (var x = 0; x < Width; x++)
        {
            if (pixels[4 * (y * Width + x) + 3] < 128)
                continue;
            (left, right) = (Math.Min(left, x), Math.Max(right, x + 1));
            (top, bottom) = (Math.Min(top, y), Math.Max(bottom, y + 1));
        }
        return right - left < 6 || bottom - top < 6 ? null : new(left, top, right, bottom);
    }

    /// <summary>The shared area by that of the smaller box.</summary>
    private static double Overlap(SKRectI a, SKRectI b)
    {
        var width = Math.Max(0, Math.Min(a.Right, b.Right) - Math.Max(a.Left, b.Left));
        var height = Math.Max(0, Math.Min(a.Bottom, b.Bottom) - Math.Max(a.Top, b.Top));
        return (double)width * height / Math.Min(a.Width * a.Height, b.Width * b.Height);
    }

    private static XDocument Annotation(string name, IEnumerable<(CellKind Kind, SKRectI Box)> cells) =>
        new(
            new XElement(
                "annotation",
                new XElement("filename", name + ".jpg"),
                new XElement("size", Number("width", Width), Number("height", Height), Number("depth", 3)),
                cells.Select(cell => new XElement(
                    "object",
                    new XElement("name", cell.Kind),
                    Number("difficult", 0),
                    new XElement(
                        "bndbox",
                        Number("xmin", cell.Box.Left),
                        Number("ymin", cell.Box.Top),
                        Number("xmax", cell.Box.Right),
                        Number("ymax", cell.Box.Bottom)
                    )
                ))
            )
        );

    private static XElement Number(string name, int value) => new(name, value.ToString(CultureInfo.InvariantCulture));
}
