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
        // Trees of connected pixels: a pixel holds 1 + the place of another of its region that comes before it, or its own.
        var before = Neighbours(shape).Where(neighbour => neighbour.Offset < 0).ToArray();
        var at = new int[shape.Length];
        for (var pixel = 0; pixel < classes.Length; pixel++)
        {
            regions[pixel] = 0;
            if (classes[pixel] > 0 && classes[pixel] != ignored)
            {
                regions[pixel] = pixel + 1;
                var onEdge = OnEdge(at, shape);
                foreach (var (steps, offset) in before)
                    if ((!onEdge || Inside(at, steps, shape)) && classes[pixel + offset] == classes[pixel])
                        Join(regions, pixel, pixel + offset);
            }
            for (var axis = shape.Length - 1; axis >= 0 && ++at[axis] == shape[axis]; axis--)
                at[axis] = 0;
        }
        // The first pixel of a region gives it its number, the others take it over.
        var count = 0;
        for (var pixel = 0; pixel < classes.Length; pixel++)
            if (regions[pixel] > 0)
                regions[pixel] = regions[pixel] == pixel + 1 ? ++count : regions[regions[pixel] - 1];
        return count;
    }

    private static void Join(Span<int> regions, int a, int b)
    {
        var (rootA, rootB) = (Root(regions, a), Root(regions, b));
        if (rootA < rootB)
            regions[rootB] = rootA + 1;
        else if (rootB < rootA)
            regions[rootA] = rootB + 1;
    }

    private static int Root(Span<int> regions, int pixel)
    {
        while (regions[pixel] != pixel + 1)
            pixel = (regions[pixel] = regions[regions[pixel] - 1]) - 1; // shortens the way for the next
        return pixel;
    }

    private static bool OnEdge(int[] at, int[] shape)
    {
        for (var axis = 0; axis < at.Length; axis++)
            if (at[axis] == 0 || at[axis] == shape[axis] - 1)
                return true;
        return false;
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
