namespace MLNetLosses.Data;

/// <summary>The order in which an epoch goes through the training images.</summary>
public enum SampleOrder
{
    /// <summary>Each image once, in an order that the seed and the epoch decide.</summary>
    Shuffled,

    /// <summary>Each image once, in the order of the data.</summary>
    Sequential,

    /// <summary>
    /// As many draws as there are images, every class equally often (to within one): images of rare classes come several times, of frequent classes each
    /// epoch takes another part.
    /// </summary>
    Balanced,
}

/// <summary>Epochs as pure functions of a seed and a number, so that any epoch can be continued at any step.</summary>
internal static class EpochOrder
{
    private const long Purpose = 0x0EDE;

    /// <summary>Positions into <paramref name="labels"/>, in the order of the epoch.</summary>
    public static int[] Make(SampleOrder order, IReadOnlyList<int> labels, long seed, int epoch)
    {
        var random = new RandomStream(Purpose, seed, epoch);
        var positions = Enumerable.Range(0, labels.Count).ToArray();
        switch (order)
        {
            case SampleOrder.Sequential:
                return positions;
            case SampleOrder.Shuffled:
                random.Shuffle<int>(positions);
                return positions;
            case SampleOrder.Balanced:
                return Balanced(labels, ref random);
            default:
                throw new ArgumentOutOfRangeException(nameof(order), order, "Unknown order.");
        }
    }

    private static int[] Balanced(IReadOnlyList<int> labels, ref RandomStream random)
    {
        int[][] classes = [.. Enumerable.Range(0, labels.Count).GroupBy(i => labels[i]).OrderBy(g => g.Key).Select(g => g.ToArray())];
        random.Shuffle<int[]>(classes); // who gets one more when the classes do not divide the images
        var result = new int[labels.Count];
        for (var at = 0; at < result.Length; at++)
        {
            var members = classes[at % classes.Length];
            var turn = at / classes.Length % members.Length;
            if (turn == 0)
                random.Shuffle<int>(members);
            result[at] = members[turn];
        }
        random.Shuffle<int>(result);
        return result;
    }
}
