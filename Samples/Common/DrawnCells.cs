using SkiaSharp;

namespace MLNetLosses.Samples;

/// <summary>A small, imbalanced image set that the samples draw when they are given none: a folder a class, PNG files.</summary>
public static class DrawnCells
{
    private static readonly (CellKind Kind, int Train)[] Counts =
    [
        (CellKind.Erythrocyte, 220),
        (CellKind.Neutrophil, 100),
        (CellKind.Lymphocyte, 80),
        (CellKind.Platelet, 60),
        (CellKind.Eosinophil, 40),
    ];
    private const int Held = 30;

    /// <summary>Draws the set; images that are there already are kept.</summary>
    /// <param name="folder">Gets <c>train</c>, <c>validation</c> and <c>test</c>, each with a folder a class.</param>
    /// <param name="size">Width and height in pixels.</param>
    /// <param name="seed">Decides everything that varies.</param>
    /// <returns>The three folders.</returns>
    public static (string Train, string Validation, string Test) Draw(string folder, int size = 64, int seed = 1)
    {
        foreach (var (kind, train) in Counts)
        foreach (var (part, count, number) in new[] { ("train", train, 0), ("validation", Held, 1), ("test", Held, 2) })
            DrawClass(Path.Combine(folder, part, kind.ToString()), kind, count, size, new Random(seed * 1000 + (int)kind * 10 + number));
        return (Path.Combine(folder, "train"), Path.Combine(folder, "validation"), Path.Combine(folder, "test"));
    }

    private static void DrawClass(string folder, CellKind kind, int count, int size, Random random)
    {
        Directory.CreateDirectory(folder);
        for (var i = 0; i < count; i++)
        {
            using var bitmap = CellPainter.Paint(kind, size, random);
            var path = Path.Combine(folder, $"{i:000}.png");
            if (File.Exists(path))
                continue;
            using var file = File.Create(path);
            bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
        }
    }
}
