namespace MLNetLosses.Training;

/// <summary>Statistics that single wild values do not move.</summary>
internal static class Robust
{
    /// <summary>Makes a median of absolute deviations comparable to a standard deviation.</summary>
    private const double Consistency = 1.4826;

    /// <summary>The median of what is finite; NaN of nothing.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Where(double.IsFinite)];
        Array.Sort(sorted);
        var n = sorted.Length;
        return n == 0 ? double.NaN
            : n % 2 == 1 ? sorted[n / 2]
            : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    /// <summary>The spread around the median.</summary>
    public static double Spread(IReadOnlyCollection<double> values)
    {
        var middle = Median(values);
        return Consistency * Median(values.Select(v => Math.Abs(v - middle)));
    }

    /// <summary>The spread of the half below the median: what stands out above does not widen it, however much it is.</summary>
    public static double LowerSpread(IReadOnlyCollection<double> values)
    {
        var middle = Median(values);
        return Consistency * Median(values.Where(v => v <= middle).Select(v => middle - v));
    }

    /// <summary>The spread of a curve around its trend, from the differences of neighbours, in which a trend hardly shows.</summary>
    public static double Noise(IReadOnlyList<double> curve)
    {
        if (curve.Count < 3)
            return 0;
        var differences = new double[curve.Count - 1];
        for (var i = 0; i < differences.Length; i++)
            differences[i] = curve[i + 1] - curve[i];
        return Spread(differences) / Math.Sqrt(2);
    }

    /// <summary>The medians of windows around each place; at the ends the windows are cut.</summary>
    public static double[] RollingMedian(IReadOnlyList<double> curve, int window)
    {
        var result = new double[curve.Count];
        for (var i = 0; i < result.Length; i++)
        {
            var (from, to) = (Math.Max(0, i - window / 2), Math.Min(curve.Count, i + window / 2 + 1));
            result[i] = Median(curve.Skip(from).Take(to - from));
        }
        return result;
    }

    /// <summary>The median of the slopes between all pairs of points (Theil and Sen); of long curves every n-th.</summary>
    public static double Slope(IReadOnlyList<double> curve)
    {
        var step = Math.Max(1, curve.Count / 60);
        var slopes = new List<double>();
        for (var i = 0; i < curve.Count; i += step)
        for (var j = i + step; j < curve.Count; j += step)
            slopes.Add((curve[j] - curve[i]) / (j - i));
        return Median(slopes);
    }

    /// <summary>Rank correlation with time (Kendall), in [-1, 1]: 1 where every later value is higher.</summary>
    public static double Trend(IReadOnlyList<double> curve)
    {
        var step = Math.Max(1, curve.Count / 60);
        var (sum, pairs) = (0, 0);
        for (var i = 0; i < curve.Count; i += step)
        for (var j = i + step; j < curve.Count; j += step)
        {
            sum += Math.Sign(curve[j] - curve[i]);
            pairs++;
        }
        return pairs == 0 ? 0 : (double)sum / pairs;
    }
}
