using System.Numerics;

namespace MLNetLosses.Data;

/// <summary>
/// Of boxes that show one thing, keeps the best: boxes are taken by descending score (of equal ones the earlier first), and a box that is kept
/// removes those of its class after it whose intersection over union with it is above the threshold. One that is removed removes none.
/// </summary>
internal static class NonMaximumSuppression
{
    /// <summary>The indices of the boxes that are kept, best first.</summary>
    /// <param name="boxes">N boxes, x0, y0, x1, y1 each.</param>
    /// <param name="scores">N scores.</param>
    /// <param name="classes">The class of each box, any numbers; empty: all are of one.</param>
    /// <param name="threshold">Overlap above which the worse box goes, in [0, 1]; 1 keeps all.</param>
    /// <param name="limit">No more than that many are kept.</param>
    /// <exception cref="ArgumentException">Lengths do not fit, or a number is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threshold"/> or <paramref name="limit"/> is out of range.</exception>
    public static int[] Keep<T>(
        ReadOnlySpan<T> boxes,
        ReadOnlySpan<T> scores,
        ReadOnlySpan<int> classes,
        double threshold,
        int limit = int.MaxValue
    )
        where T : struct, IFloatingPointIeee754<T>
    {
        Check(boxes, scores, classes, threshold, limit);
        var limiting = T.CreateChecked(threshold);
        var kept = new List<int>();
        var ofClass = new Dictionary<int, List<(int Index, T Area)>>();
        foreach (var index in ByScore(scores))
        {
            if (kept.Count >= limit)
                break;
            var box = boxes.Slice(4 * index, 4);
            var group = classes.IsEmpty ? 0 : classes[index];
            var area = BoxSpans.Area(box);
            if (!ofClass.TryGetValue(group, out var better))
                ofClass.Add(group, better = []);
            var removed = false;
            foreach (var (other, otherArea) in better)
                if (BoxOverlap.IntersectionOverUnion(boxes.Slice(4 * other, 4), box, otherArea, area) > limiting)
                {
                    removed = true;
                    break;
                }
            if (removed)
                continue;
            better.Add((index, area));
            kept.Add(index);
        }
        return [.. kept];
    }

    /// <summary>The indices by descending score; equal scores keep their order.</summary>
    public static int[] ByScore<T>(ReadOnlySpan<T> scores)
        where T : struct, IFloatingPointIeee754<T>
    {
        var keys = new (T Score, int Index)[scores.Length];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = (-scores[i], i);
        Array.Sort(keys);
        return Array.ConvertAll(keys, key => key.Index);
    }

    /// <summary>Refuses what cannot be suppressed.</summary>
    public static void Check<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> scores, ReadOnlySpan<int> classes, double threshold, int limit)
        where T : struct, IFloatingPointIeee754<T>
    {
        var count = BoxSpans.Count(boxes, nameof(boxes));
        if (scores.Length != count)
            throw new ArgumentException($"There are {count} boxes and {scores.Length} scores.", nameof(scores));
        if (!classes.IsEmpty && classes.Length != count)
            throw new ArgumentException($"There are {count} boxes and {classes.Length} classes.", nameof(classes));
        for (var i = 0; i < count; i++)
            if (!T.IsFinite(scores[i]))
                throw new ArgumentException($"Score {i} is {scores[i]}; scores must be finite.", nameof(scores));
        if (!(threshold is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "It must lie in [0, 1].");
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
    }
}
