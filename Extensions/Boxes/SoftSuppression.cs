using System.Numerics;

namespace MLNetLosses.Data;

/// <summary>How soft suppression lowers the score of a box that overlaps a better one by u.</summary>
internal enum SoftSuppressionDecay
{
    /// <summary>By 1 - u where u is above the threshold.</summary>
    Linear,

    /// <summary>By exp(-u^2 / sigma), at every overlap.</summary>
    Gaussian,
}

/// <summary>
/// Soft suppression (Bodla et al., 2017, "Soft-NMS"): a box that overlaps a better one of its class is not removed, its score is lowered, and the
/// order is that of the lowered scores.
/// </summary>
internal static class SoftSuppression
{
    /// <summary>The boxes that are left, with their scores, best first.</summary>
    /// <param name="boxes">N boxes, x0, y0, x1, y1 each.</param>
    /// <param name="scores">N scores, at least 0.</param>
    /// <param name="classes">The class of each box, any numbers; empty: all are of one.</param>
    /// <param name="decay">How scores fall.</param>
    /// <param name="threshold">Overlap from which <see cref="SoftSuppressionDecay.Linear"/> works, in [0, 1].</param>
    /// <param name="sigma">Width of <see cref="SoftSuppressionDecay.Gaussian"/>, above 0; 0.5 in the paper.</param>
    /// <param name="minScore">Boxes whose score falls below are left out; 0.001 in the paper.</param>
    /// <param name="limit">No more than that many are left.</param>
    /// <exception cref="ArgumentException">Lengths do not fit, or a number is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range.</exception>
    public static (int Index, T Score)[] Apply<T>(
        ReadOnlySpan<T> boxes,
        ReadOnlySpan<T> scores,
        ReadOnlySpan<int> classes,
        SoftSuppressionDecay decay = SoftSuppressionDecay.Gaussian,
        double threshold = 0.5,
        double sigma = 0.5,
        double minScore = 0.001,
        int limit = int.MaxValue
    )
        where T : struct, IFloatingPointIeee754<T>
    {
        NonMaximumSuppression.Check(boxes, scores, classes, threshold, limit);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sigma);
        var (width, least, from) = (T.CreateChecked(sigma), T.CreateChecked(minScore), T.CreateChecked(threshold));
        var current = scores.ToArray();
        var areas = new T[scores.Length];
        for (var i = 0; i < areas.Length; i++)
            areas[i] = BoxSpans.Area(boxes.Slice(4 * i, 4));
        var open = new List<int>(scores.Length);
        for (var i = 0; i < scores.Length; i++)
            if (scores[i] >= least)
                open.Add(i);
        var left = new List<(int, T)>();
        while (open.Count > 0 && left.Count < limit)
        {
            var best = open[0];
            foreach (var index in open)
                if (current[index] > current[best])
                    best = index;
            left.Add((best, current[best]));
            open.Remove(best);
            var box = boxes.Slice(4 * best, 4);
            var remaining = 0;
            for (var at = 0; at < open.Count; at++)
            {
                var index = open[at];
                if (classes.IsEmpty || classes[index] == classes[best])
                {
                    var overlap = BoxOverlap.IntersectionOverUnion(box, boxes.Slice(4 * index, 4), areas[best], areas[index]);
                    if (decay == SoftSuppressionDecay.Gaussian)
                        current[index] *= T.Exp(-overlap * overlap / width);
                    else if (overlap > from)
                        current[index] *= T.One - overlap;
                }
                if (current[index] >= least)
                    open[remaining++] = index;
            }
            open.RemoveRange(remaining, open.Count - remaining);
        }
        return [.. left];
    }
}
