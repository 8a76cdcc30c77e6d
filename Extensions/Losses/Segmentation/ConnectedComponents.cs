namespace MLNetLosses.Losses;

/// <summary>Numbers the connected regions of equal class in an image of any number of axes; pixels that touch at a corner are connected.</summary>
internal static class ConnectedComponents
{
    /// <summary>The region of each pixel, from 1 on; 0 for the background (class 0) and ignored pixels; and the number of regions.</summary>
    public static (int[] Regions, int Count) Label(ReadOnlySpan<long> classes, int[] shape, long ignored)
    {
        var regions = new int[classes.Length];
        return (regions, Label(classes, shape, ignored, regions));
    }

    /// <summary>The same, written into memory of the caller's.</summary>
    /// <returns>The number of regions.</returns>
    public static int Label(ReadOnlySpan<long> classes, int[] shape, long ignored, Span<int> regions)
    {
        regions.Clear();
        var neighbours = Neighbours(shape);
        int[] offsets = [.. neighbours.Select(neighbour => neighbour.Offset)];
        var (open, at) = (new Stack<int>(), new int[shape.Length]);
        var count = 0;
        for (var seed = 0; seed < classes.Length; seed++)
        {
            if (regions[seed] != 0 || classes[seed] <= 0 || classes[seed] == ignored)
                continue;
            regions[seed] = ++count;
            open.Push(seed);
            while (open.TryPop(out var pixel))
            {
                var onEdge = false;
                for (var (axis, rest) = (shape.Length - 1, pixel); axis >= 0; axis--)
                {
                    (rest, at[axis]) = Math.DivRem(rest, shape[axis]);
                    onEdge |= at[axis] == 0 || at[axis] == shape[axis] - 1;
                }
                for (var k = 0; k < offsets.Length; k++)
                {
                    if (onEdge && !Inside(at, neighbours[k].Steps, shape))
                        continue;
                    var next = pixel + offsets[k];
                    if (regions[next] != 0 || classes[next] != classes[seed])
                        continue;
                    regions[next] = count;
                    open.Push(next);
                }
            }
        }
        return count;
    }

    private static bool Inside(int[] at, int[] steps, int[] shape)
    {
        for (var axis = 0; axis < at.Length; axis++)
            if ((uint)(at[axis] + steps[axis]) >= (uint)shape[axis])
                return false;
        return true;
    }

    // All steps of -1, 0 or 1 along each axis but none at all.
    private static (int[] Steps, int Offset)[] Neighbours(int[] shape)
    {
        var all = (int)Math.Pow(3, shape.Length);
        return
        [
            .. Enumerable
                .Range(0, all)
                .Where(code => code != all / 2)
                .Select(code =>
                {
                    var steps = new int[shape.Length];
                    var (offset, stride) = (0, 1);
                    for (var axis = shape.Length - 1; axis >= 0; axis--)
                    {
                        steps[axis] = code % 3 - 1;
                        code /= 3;
                        offset += steps[axis] * stride;
                        stride *= shape[axis];
                    }
                    return (steps, offset);
                }),
        ];
    }
}
