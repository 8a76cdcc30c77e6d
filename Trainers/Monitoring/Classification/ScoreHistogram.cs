namespace MLNetLosses.Training;

/// <summary>Counts scores of rows that are of a class and of rows that are not, in bins of the log-odds, from which a precision-recall curve is made.</summary>
internal sealed class ScoreHistogram
{
    private const int Bins = 512;
    private const double Widest = 16; // log-odds: a probability of 1e-7
    private readonly long[] positives = new long[Bins];
    private readonly long[] negatives = new long[Bins];

    public void Add(float logProbability, bool isPositive)
    {
        var odds = logProbability - Math.Log(Math.Max(1 - Math.Exp(logProbability), 1e-9));
        var bin = double.IsNaN(odds) ? 0 : (int)Math.Clamp((odds + Widest) / (2 * Widest) * Bins, 0, Bins - 1);
        (isPositive ? positives : negatives)[bin]++;
    }

    /// <summary>The curve, from the highest scores down; average precision is the sum of precision times the gain in recall.</summary>
    public PrecisionRecallCurve Curve(string name)
    {
        var total = positives.Sum();
        var (recall, precision) = (new List<double>(), new List<double>());
        var (right, wrong, area) = (0L, 0L, 0.0);
        for (var bin = Bins - 1; bin >= 0; bin--)
        {
            if (positives[bin] + negatives[bin] == 0)
                continue;
            right += positives[bin];
            wrong += negatives[bin];
            var share = (double)right / (right + wrong);
            area += share * positives[bin] / total;
            recall.Add((double)right / total);
            precision.Add(share);
        }
        var kept = Thin(recall);
        return new(name, total == 0 ? double.NaN : area, [.. kept.Select(i => recall[i])], [.. kept.Select(i => precision[i])]);
    }

    // A point for each two hundredth of recall is as fine as a picture shows.
    private static List<int> Thin(List<double> recall)
    {
        var kept = new List<int>();
        for (var i = 0; i < recall.Count; i++)
            if (kept.Count == 0 || i == recall.Count - 1 || recall[i] - recall[kept[^1]] >= 0.005)
                kept.Add(i);
        return kept;
    }
}
