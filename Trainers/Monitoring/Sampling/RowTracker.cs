namespace MLNetLosses.Training;

/// <summary>What became of each row of the training data, epoch by epoch: which stay hard, and which look mislabelled.</summary>
internal sealed class RowTracker
{
    /// <summary>In how many epochs one after another a row must contradict its label.</summary>
    public const int Patience = 3;

    /// <summary>How probable a row's label may be at most, and another class must be at least, to contradict the label.</summary>
    private const double LeastLoss = 3.0; // p = 0.05

    private const float LeastConfidence = 0.7f;

    /// <summary>How far above the others a row's loss must be, where rows have no class of their own: by this many spreads of the logarithms ...</summary>
    private const double LeastSpreads = 3;

    /// <summary>... and at least by this factor.</summary>
    private const double LeastFactor = 3;

    /// <summary>What the latest epoch counts of a row's level.</summary>
    private const double Newest = 0.3;

    /// <summary>Losses below are all nothing.</summary>
    private const double Least = 1e-9;

    /// <summary>How few rows have no others to be compared with.</summary>
    private const int LeastRows = 20;

    private readonly Dictionary<long, Row> rows = [];
    private readonly Dictionary<string, (double[] Part, double[] Whole)> metrics = [];
    private double highestMedian;
    private bool knowsClasses;

    /// <summary>Rows known.</summary>
    public int Count => rows.Count;

    /// <summary>What was measured over all rows in the epoch.</summary>
    public Dictionary<string, double> Metrics
    {
        get
        {
            var means = new Dictionary<string, double>();
            foreach (var (name, (part, whole)) in metrics)
                if (part.Zip(whole).Where(p => p.Second > 0).Select(p => p.First / p.Second).ToList() is { Count: > 0 } ratios)
                    means[name] = ratios.Average();
            return means;
        }
    }

    public void Add(string metric, double[] part, double[] whole)
    {
        if (!metrics.TryGetValue(metric, out var sums))
            metrics[metric] = sums = (new double[part.Length], new double[part.Length]);
        for (var i = 0; i < part.Length; i++)
        {
            sums.Part[i] += part[i];
            sums.Whole[i] += whole[i];
        }
    }

    public void Add(long row, double loss, int label = -1, int predicted = -1, float confidence = float.NaN)
    {
        if (!double.IsFinite(loss))
            return; // nothing of it counted
        ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(rows, row, out _);
        entry.Sum += loss;
        entry.Count++;
        if (predicted < 0)
            return;
        knowsClasses = true;
        // Seen twice in an epoch: the more cautious of the two.
        var contradicts = predicted != label && loss >= LeastLoss && confidence >= LeastConfidence;
        entry.Contradicts = entry.Count == 1 ? contradicts : entry.Contradicts && contradicts && predicted == entry.Predicted;
        if (entry.Count == 1 && predicted != entry.Predicted)
            entry.Streak = 0;
        (entry.Label, entry.Predicted, entry.Confidence) = (label, predicted, confidence);
    }

    /// <summary>Closes the epoch.</summary>
    /// <param name="most">How many rows each list has at most.</param>
    /// <param name="classes">Names of the classes; empty: numbers.</param>
    /// <returns>The hardest rows of the epoch; the rows that look mislabelled, and how many those are; the median of the rows' losses.</returns>
    public (IReadOnlyList<RowFinding> Hardest, IReadOnlyList<RowFinding> Suspect, int SuspectCount, double MedianLoss) EndEpoch(
        int most,
        IReadOnlyList<string> classes
    )
    {
        var hardest = new PriorityQueue<RowFinding, double>();
        var suspects = new List<(long Row, Row Entry, double Loss)>();
        var median = Robust.Median(rows.Values.Where(r => r.Count > 0).Select(r => r.Sum / r.Count));
        var bound = knowsClasses ? double.NaN : Outlying(median);
        foreach (var key in rows.Keys)
        {
            ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(rows, key);
            if (entry.Count == 0)
                continue;
            var loss = entry.Sum / entry.Count;
            entry.Streak = entry.Contradicts || entry.Level > bound ? entry.Streak + 1 : 0;
            if (entry.Streak >= Patience)
                suspects.Add((key, entry, loss));
            if (most > 0 && (hardest.Count < most || !hardest.TryPeek(out _, out var least) || loss > least))
            {
                hardest.Enqueue(Found(key, entry, loss), loss);
                if (hardest.Count > most)
                    hardest.Dequeue();
            }
            (entry.Sum, entry.Count, entry.Contradicts) = (0, 0, false);
        }
        metrics.Clear();
        return (
            [.. hardest.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element)],
            [.. suspects.OrderByDescending(s => s.Loss).Take(most).Select(s => Found(s.Row, s.Entry, s.Loss))],
            suspects.Count,
            median
        );

        RowFinding Found(long row, in Row entry, double loss) =>
            new(row, loss)
            {
                Label = Name(entry.Label, entry.Confidence),
                Predicted = Name(entry.Predicted, entry.Confidence),
                Confidence = float.IsNaN(entry.Confidence) ? null : entry.Confidence,
            };

        string? Name(int index, float confidence) =>
            !knowsClasses || float.IsNaN(confidence) ? null
            : index < classes.Count ? classes[index]
            : $"class {index}";
    }

    /// <summary>Forgets an epoch that was not finished.</summary>
    public void Clear()
    {
        foreach (var key in rows.Keys)
        {
            ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(rows, key);
            (entry.Sum, entry.Count, entry.Contradicts) = (0, 0, false);
        }
        metrics.Clear();
    }

    // A loss alone says only that a row is hard. It is suspicious where the others were learnt and it stands far out of them, over some epochs: in one epoch chance decides, by
    // augmentation and by what was learnt just before.
    private double Outlying(double median)
    {
        highestMedian = Math.Max(highestMedian, median);
        var levels = new List<double>();
        foreach (var key in rows.Keys)
        {
            ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(rows, key);
            if (entry.Count == 0)
                continue;
            var above = Math.Log(Math.Max(entry.Sum / entry.Count, Least) / Math.Max(median, Least));
            entry.Level = entry.IsKnown ? entry.Level + Newest * (above - entry.Level) : above;
            entry.IsKnown = true;
            levels.Add(entry.Level);
        }
        return levels.Count < LeastRows || !(median < highestMedian / 2)
            ? double.NaN
            : Robust.Median(levels) + Math.Max(LeastSpreads * Robust.LowerSpread(levels), Math.Log(LeastFactor));
    }

    private struct Row
    {
        public double Sum;
        public int Count;
        public int Label;
        public int Predicted;
        public float Confidence;
        public int Streak;
        public bool Contradicts;

        /// <summary>How far the logarithm of the loss stands above the median's, the latest epochs the most.</summary>
        public double Level;
        public bool IsKnown;
    }
}
