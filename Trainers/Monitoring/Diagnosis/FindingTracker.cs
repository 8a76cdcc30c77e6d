namespace MLNetLosses.Training;

/// <summary>Follows findings from one look at a training to the next: what is new, what got worse, what is over.</summary>
/// <param name="earlier">What was told before, by a training that is gone on with.</param>
internal sealed class FindingTracker(IEnumerable<Finding> earlier)
{
    /// <summary>After how many looks in a row without it a finding is over: at the border of a rule it comes and goes.</summary>
    public const int Patience = 3;

    private const double Worse = 2;

    private readonly Dictionary<(FindingKind, string), Followed> open = earlier
        .Where(f => f.State != FindingState.Over)
        .DistinctBy(f => (f.Kind, f.Subject))
        .ToDictionary(f => (f.Kind, f.Subject), f => new Followed { Told = f, Seen = f.LastEpoch });

    /// <summary>A look.</summary>
    /// <param name="present">What is found now.</param>
    /// <param name="epoch">The present epoch, from 1.</param>
    /// <param name="step">The present step.</param>
    /// <param name="isEnd">Whether the epoch is done: what is found in whole epochs can end only then.</param>
    /// <returns>What is to be told.</returns>
    public IReadOnlyList<Finding> Look(IReadOnlyList<Finding> present, int epoch, long step, bool isEnd)
    {
        var told = new List<Finding>();
        foreach (var finding in present)
        {
            var key = (finding.Kind, finding.Subject);
            if (open.TryGetValue(key, out var known))
            {
                (known.Absent, known.Seen) = (0, epoch);
                // An older log tells none.
                if (known.Told.Severity == 0)
                    known.Told = known.Told with { Severity = finding.Severity };
                if (!(finding.Severity > Worse * known.Told.Severity))
                    continue;
                known.Told = finding with { State = FindingState.Worse, FirstEpoch = known.Told.FirstEpoch, LastEpoch = epoch };
                told.Add(known.Told);
                continue;
            }
            var first = finding with { FirstEpoch = epoch, LastEpoch = epoch };
            open[key] = new() { Told = first, Seen = epoch };
            told.Add(first);
        }
        var now = present.Select(f => (f.Kind, f.Subject)).ToHashSet();
        foreach (var (key, known) in open.Where(o => !now.Contains(o.Key) && CanEnd(o.Key.Item1, isEnd)).ToList())
        {
            if (++known.Absent < Patience)
                continue;
            open.Remove(key);
            told.Add(known.Told with { State = FindingState.Over, LastEpoch = Math.Max(known.Seen, known.Told.FirstEpoch), Step = step });
        }
        return told;
    }

    // A value that is no number ends the training, and no rule looks for it again.
    private static bool CanEnd(FindingKind kind, bool isEnd) =>
        kind switch
        {
            FindingKind.NotANumber => false,
            FindingKind.Overfitting or FindingKind.ClassNeverPredicted or FindingKind.LabelNoise => isEnd,
            _ => true,
        };

    private sealed class Followed
    {
        public required Finding Told { get; set; }
        public int Seen { get; set; }
        public int Absent { get; set; }
    }
}
