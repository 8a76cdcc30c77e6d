using SkiaSharp;

namespace MLNetLosses.Samples;

/// <summary>A small, imbalanced image set that the samples draw when they are given none: a folder a class, PNG files.</summary>
public static class DrawnCells
{
    private static readonly (CellKind Kind, int Train, int Test)[] Counts =
    [
        (CellKind.Erythrocyte, 220, 60),
        (CellKind.Neutrophil, 90, 40),
        (CellKind.Lymphocyte, 60, 40),
        (CellKind.Platelet, 40, 40),
        (CellKind.Eosinophil, 20, 40),
    ];

    /// <summary>Draws the set unless it is there already.</summary>
    /// <param name="folder">Gets <c>train</c> and <c>test</c>, each with a folder a class.</param>
    /// <param name="size">Width and height in pixels.</param>
    /// <param name="seed">Decides everything that varies.</param>
    /// <returns>The two folders.</returns>
    public static (string Train, string Test) Draw(string folder, int size = 64, int seed = 1)
    {
        var (train, test) = (Path.Combine(folder, "train"), Path.Combine(folder, "test"));
        foreach (var (kind, trainCount, testCount) in Counts)
        {
            DrawClass(Path.Combine(train, kind.ToString()), kind, trainCount, size, new Random(seed * 31 + (int)kind * 7));
            DrawClass(Path.Combine(test, kind.ToString()), kind, testCount, size, new Random(seed * 31 + (int)kind * 7 + 100_000));
        }
        return (train, test);
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
