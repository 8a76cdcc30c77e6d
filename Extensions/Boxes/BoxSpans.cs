using System.Numerics;

namespace MLNetLosses.Data;

/// <summary>Boxes as flat numbers, four a box: x0, y0, x1, y1, right and bottom edges exclusive.</summary>
internal static class BoxSpans
{
    /// <summary>How many boxes there are.</summary>
    /// <exception cref="ArgumentException">The length is no multiple of 4, or a number is not finite.</exception>
    public static int Count<T>(ReadOnlySpan<T> boxes, string name)
        where T : struct, IFloatingPointIeee754<T>
    {
        if (boxes.Length % 4 != 0)
            throw new ArgumentException($"{name} hold {boxes.Length} numbers; they must be x0, y0, x1, y1 of each box, four a box.", name);
        for (var i = 0; i < boxes.Length; i++)
            if (!T.IsFinite(boxes[i]))
                throw new ArgumentException($"Box {i / 4} of {name} holds {boxes[i]}; the coordinates of a box must be finite.", name);
        return boxes.Length / 4;
    }

    /// <summary>The area of a box; 0 where an edge lies on or before its opposite.</summary>
    public static T Area<T>(ReadOnlySpan<T> box)
        where T : struct, IFloatingPointIeee754<T> => Side(box[0], box[2]) * Side(box[1], box[3]);

    /// <summary>The area that two boxes share.</summary>
    public static T Intersection<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : struct, IFloatingPointIeee754<T> =>
        Side(T.MaxNumber(a[0], b[0]), T.MinNumber(a[2], b[2])) * Side(T.MaxNumber(a[1], b[1]), T.MinNumber(a[3], b[3]));

    /// <summary>A ratio; 0 where the denominator is 0.</summary>
    public static T Ratio<T>(T numerator, T denominator)
        where T : struct, IFloatingPointIeee754<T> => denominator > T.Zero ? numerator / denominator : T.Zero;

    private static T Side<T>(T low, T high)
        where T : struct, IFloatingPointIeee754<T> => high > low ? high - low : T.Zero;
}
