using System.Collections.Concurrent;

namespace MLNetLosses.Networks;

/// <summary>
/// The anchors of all levels for one size of input, in the order of the head's outputs: level by level, row by row, place by place. Coordinates lie apart, so
/// that loops run over contiguous numbers.
/// </summary>
internal sealed class AnchorGrid
{
    public AnchorGrid(DetectionHead head, IReadOnlyList<int> strides, int height, int width)
    {
        PerPlace = head.AnchorsPerPlace;
        var (h, w) = (height / strides[0], width / strides[0]);
        LevelStarts = new int[strides.Count + 1];
        var sizes = new (int Height, int Width)[strides.Count];
        for (var level = 0; level < strides.Count; level++)
        {
            if (level > 0)
                (h, w) = ((h + 1) / 2, (w + 1) / 2);
            sizes[level] = (h, w);
            LevelStarts[level + 1] = LevelStarts[level] + h * w * PerPlace;
        }
        (X0, Y0, X1, Y1, Areas) = (new float[Count], new float[Count], new float[Count], new float[Count], new float[Count]);
        for (var level = 0; level < strides.Count; level++)
            Fill(head.CellAnchors(strides[level]), sizes[level], height / sizes[level].Height, width / sizes[level].Width, level);
    }

    public int Count => LevelStarts[^1];

    /// <summary>Anchors at each place; they share its centre.</summary>
    public int PerPlace { get; }

    /// <summary>Where each level begins, and the end.</summary>
    public int[] LevelStarts { get; }

    public int Levels => LevelStarts.Length - 1;

    public float[] X0 { get; }
    public float[] Y0 { get; }
    public float[] X1 { get; }
    public float[] Y1 { get; }
    public float[] Areas { get; }

    public (float X0, float Y0, float X1, float Y1) this[int anchor] => (X0[anchor], Y0[anchor], X1[anchor], Y1[anchor]);

    private void Fill(float[] cell, (int Height, int Width) size, int strideY, int strideX, int level)
    {
        var at = LevelStarts[level];
        for (var row = 0; row < size.Height; row++)
        for (var column = 0; column < size.Width; column++)
        for (var k = 0; k < cell.Length; k += 4, at++)
        {
            var (x, y) = (column * strideX, row * strideY);
            (X0[at], Y0[at], X1[at], Y1[at]) = (x + cell[k], y + cell[k + 1], x + cell[k + 2], y + cell[k + 3]);
            Areas[at] = (X1[at] - X0[at]) * (Y1[at] - Y0[at]);
        }
    }
}

/// <summary>Makes the anchors of a network for sizes of input, and keeps those of the sizes that come up again. Safe from several threads.</summary>
internal sealed class AnchorGrids(DetectionHead head, IReadOnlyList<int> strides)
{
    private const int Kept = 64;
    private readonly ConcurrentDictionary<(int Height, int Width), AnchorGrid> known = new();

    public AnchorGrid For(int height, int width)
    {
        if (known.TryGetValue((height, width), out var grid))
            return grid;
        grid = new(head, strides, height, width);
        if (known.Count < Kept)
            known.TryAdd((height, width), grid);
        return grid;
    }
}
