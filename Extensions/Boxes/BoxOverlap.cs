using System.Numerics;

namespace MLNetLosses.Data;

/// <summary>
/// How much each box of one set overlaps each box of another: M x N ratios, row by row. A ratio whose denominator is 0 is 0; nothing is added to
/// denominators. A box whose edges are in the wrong order has no area.
/// </summary>
internal static class BoxOverlap
{
    private delegate T Measure<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, T areaA, T areaB);

    /// <summary>I / U of one pair.</summary>
    public static T IntersectionOverUnion<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, T areaA, T areaB)
        where T : struct, IFloatingPointIeee754<T>
    {
        var intersection = BoxSpans.Intersection(a, b);
        return BoxSpans.Ratio(intersection, areaA + areaB - intersection);
    }

    /// <summary>I / U: the Jaccard index.</summary>
    /// <param name="boxes">M boxes, x0, y0, x1, y1 each.</param>
    /// <param name="others">N boxes.</param>
    /// <param name="result">M x N ratios in [0, 1].</param>
    /// <exception cref="ArgumentException">A length does not fit, or a coordinate is not finite.</exception>
    public static void IntersectionOverUnion<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> others, Span<T> result)
        where T : struct, IFloatingPointIeee754<T> => Pairs(boxes, others, result, IntersectionOverUnion);

    /// <summary>I / U - (C - U) / C, C the smallest box around both (Rezatofighi et al., 2019).</summary>
    /// <param name="boxes">M boxes, x0, y0, x1, y1 each.</param>
    /// <param name="others">N boxes.</param>
    /// <param name="result">M x N numbers in [-1, 1].</param>
    /// <exception cref="ArgumentException">A length does not fit, or a coordinate is not finite.</exception>
    public static void GeneralizedIntersectionOverUnion<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> others, Span<T> result)
        where T : struct, IFloatingPointIeee754<T> =>
        Pairs(
            boxes,
            others,
            result,
            static (a, b, areaA, areaB) =>
            {
                var intersection = BoxSpans.Intersection(a, b);
                var union = areaA + areaB - intersection;
                var width = T.MaxNumber(a[2], b[2]) - T.MinNumber(a[0], b[0]);
                var enclosing = width * (T.MaxNumber(a[3], b[3]) - T.MinNumber(a[1], b[1]));
                return BoxSpans.Ratio(intersection, union) - BoxSpans.Ratio(enclosing - union, enclosing);
            }
        );

    /// <summary>I / area of the first of a pair: which share of a box lies in the other. COCO measures detections against crowds so.</summary>
    /// <param name="boxes">M boxes, x0, y0, x1, y1 each: the first of each pair.</param>
    /// <param name="others">N boxes.</param>
    /// <param name="result">M x N ratios in [0, 1].</param>
    /// <exception cref="ArgumentException">A length does not fit, or a coordinate is not finite.</exception>
    public static void IntersectionOverFirst<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> others, Span<T> result)
        where T : struct, IFloatingPointIeee754<T> =>
        Pairs(boxes, others, result, static (a, b, areaA, _) => BoxSpans.Ratio(BoxSpans.Intersection(a, b), areaA));

    private static void Pairs<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> others, Span<T> result, Measure<T> measure)
        where T : struct, IFloatingPointIeee754<T>
    {
        var (rows, columns) = (BoxSpans.Count(boxes, nameof(boxes)), BoxSpans.Count(others, nameof(others)));
        if (result.Length != (long)rows * columns)
            throw new ArgumentException(
                $"{rows} x {columns} pairs need a result of {(long)rows * columns} numbers, not {result.Length}.",
                nameof(result)
            );
        var areas = new T[columns];
        for (var j = 0; j < columns; j++)
            areas[j] = BoxSpans.Area(others.Slice(4 * j, 4));
        for (var i = 0; i < rows; i++)
        {
            var box = boxes.Slice(4 * i, 4);
            var area = BoxSpans.Area(box);
            var row = result.Slice(i * columns, columns);
            for (var j = 0; j < columns; j++)
                row[j] = measure(box, others.Slice(4 * j, 4), area, areas[j]);
        }
    }
}
