using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>Holds part of the training rows back for validation, the same share of every class, decided by the seed.</summary>
internal static class ValidationSplit
{
    private const long Purpose = 0x5B117;

    /// <summary>
    /// For each labelled row, whether it is held back. Of every class with two or more rows at least one row stays and, where the share is
    /// above 0, at least one is held back.
    /// </summary>
    public static bool[] Make(IReadOnlyList<int> labels, double share, long seed)
    {
        var held = new bool[labels.Count];
        foreach (var group in Enumerable.Range(0, labels.Count).GroupBy(row => labels[row]))
        {
            int[] rows = [.. group];
            if (rows.Length < 2)
                continue;
            new RandomStream(Purpose, seed, group.Key).Shuffle<int>(rows);
            foreach (var row in rows.Take(Math.Clamp((int)Math.Round(share * rows.Length), 1, rows.Length - 1)))
                held[row] = true;
        }
        return held;
    }
}
