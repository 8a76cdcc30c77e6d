using System.Numerics;
using System.Runtime.InteropServices;

namespace MLNetLosses.Networks;

/// <summary>How much anchors overlap a box.</summary>
internal static class AnchorOverlap
{
    /// <summary>The intersection over union of every anchor with a box.</summary>
    public static void Row(AnchorGrid anchors, ReadOnlySpan<float> box, Span<float> result)
    {
        var x0 = Cast(anchors.X0);
        var y0 = Cast(anchors.Y0);
        var x1 = Cast(anchors.X1);
        var y1 = Cast(anchors.Y1);
        var areas = Cast(anchors.Areas);
        var row = MemoryMarshal.Cast<float, Vector<float>>(result);
        var (left, top, right, bottom) = (
            new Vector<float>(box[0]),
            new Vector<float>(box[1]),
            new Vector<float>(box[2]),
            new Vector<float>(box[3])
        );
        var area = new Vector<float>(Area(box));
        for (var i = 0; i < row.Length; i++)
        {
            var width = Vector.Max(Vector.Min(x1[i], right) - Vector.Max(x0[i], left), Vector<float>.Zero);
            var height = Vector.Max(Vector.Min(y1[i], bottom) - Vector.Max(y0[i], top), Vector<float>.Zero);
            var intersection = width * height;
            row[i] = intersection / (area + areas[i] - intersection);
        }
        for (var a = row.Length * Vector<float>.Count; a < result.Length; a++)
            result[a] = Of(anchors, a, box);
    }

    /// <summary>The intersection over union of one anchor with a box.</summary>
    public static float Of(AnchorGrid anchors, int anchor, ReadOnlySpan<float> box)
    {
        var intersection = Intersection(anchors, anchor, box);
        return intersection / (Area(box) + anchors.Areas[anchor] - intersection);
    }

    /// <summary>The share of an anchor that lies in a box.</summary>
    public static float Inside(AnchorGrid anchors, int anchor, ReadOnlySpan<float> box) =>
        Intersection(anchors, anchor, box) / anchors.Areas[anchor];

    /// <summary>Where a row is above the best so far, makes it the best and remembers its number; gives the row's highest.</summary>
    public static float Update(ReadOnlySpan<float> row, int number, Span<float> best, Span<int> owner)
    {
        var values = MemoryMarshal.Cast<float, Vector<float>>(row);
        var bests = MemoryMarshal.Cast<float, Vector<float>>(best);
        var owners = MemoryMarshal.Cast<int, Vector<int>>(owner);
        var (me, highest) = (new Vector<int>(number), Vector<float>.Zero);
        for (var i = 0; i < values.Length; i++)
        {
            var above = Vector.GreaterThan(values[i], bests[i]);
            bests[i] = Vector.ConditionalSelect(above, values[i], bests[i]);
            owners[i] = Vector.ConditionalSelect(above, me, owners[i]);
            highest = Vector.Max(highest, values[i]);
        }
        var top = 0f;
        for (var lane = 0; lane < Vector<float>.Count; lane++)
            top = Math.Max(top, highest[lane]);
        for (var a = values.Length * Vector<float>.Count; a < row.Length; a++)
        {
            top = Math.Max(top, row[a]);
            if (row[a] > best[a])
                (best[a], owner[a]) = (row[a], number);
        }
        return top;
    }

    private static ReadOnlySpan<Vector<float>> Cast(float[] values) => MemoryMarshal.Cast<float, Vector<float>>(values.AsSpan());

    private static float Area(ReadOnlySpan<float> box) => (box[2] - box[0]) * (box[3] - box[1]);

    private static float Intersection(AnchorGrid anchors, int a, ReadOnlySpan<float> box)
    {
        var width = Math.Max(Math.Min(anchors.X1[a], box[2]) - Math.Max(anchors.X0[a], box[0]), 0);
        return width * Math.Max(Math.Min(anchors.Y1[a], box[3]) - Math.Max(anchors.Y0[a], box[1]), 0);
    }
}
