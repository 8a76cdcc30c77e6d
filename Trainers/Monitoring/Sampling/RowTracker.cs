using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>What a step tells of its rows; tensors of [N] on any device, detached.</summary>
/// <param name="Rows">The rows' numbers.</param>
/// <param name="Losses">How far each row is from its label, such as its cross-entropy.</param>
/// <param name="Labels">int64 classes; null: the task has none.</param>
/// <param name="Predicted">int64 classes; null: the task has none.</param>
/// <param name="Confidences">Probability of the predicted class; null: unknown.</param>
internal sealed record TrainedRows(
    IReadOnlyList<long> Rows,
    Tensor Losses,
    Tensor? Labels = null,
    Tensor? Predicted = null,
    Tensor? Confidences = null
)
{
    /// <summary>Of a classifier: cross-entropy of <c>logits</c> with <c>targets</c>; null where targets are mixed or no classes.</summary>
    public static TrainedRows? OfLogits(TrainingBatch batch, Losses.LossInputs inputs)
    {
        if (inputs.Find("logits") is not { } logits || inputs.Find("targets") is not { } targets || logits.dim() != 2)
            return null;
        if (
            targets.dim() != 1
            || targets.dtype != ScalarType.Int64
            || targets.shape[0] != batch.Rows.Count
            || logits.shape[0] != batch.Rows.Count
        )
            return null;
        var logProbabilities = nn.functional.log_softmax(logits.detach().to(ScalarType.Float32), 1);
        var (best, predicted) = logProbabilities.max(1);
        var losses = logProbabilities.gather(1, targets.unsqueeze(1)).squeeze(1).neg();
        return new(batch.Rows, losses, targets.alias(), predicted, best.exp());
    }
}

/// <summary>What became of each row of the training data, epoch by epoch: which stay hard, and which look mislabelled.</summary>
internal sealed class RowTracker
{
    /// <summary>In how many epochs one after another a row must contradict its label.</summary>
    public const int Patience = 3;

    /// <summary>How probable a row's label may be at most, and another class must be at least, to contradict the label.</summary>
    private const double LeastLoss = 3.0; // p = 0.05

    private const float LeastConfidence = 0.7f;

    private readonly Dictionary<long, Row> rows = [];
    private long right;
    private long seen;
    private bool knowsClasses;

    /// <summary>Rows known.</summary>
    public int Count => rows.Count;

    /// <summary>The share of right predictions in the epoch; null where it is not known.</summary>
    public double? Accuracy => knowsClasses && seen > 0 ? (double)right / seen : null;

    public void Add(long row, double loss, int label = -1, int predicted = -1, float confidence = float.NaN)
    {
        ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(rows, row, out _);
        entry.Sum += loss;
        entry.Count++;
        if (predicted < 0)
            return;
        knowsClasses = true;
        seen++;
        right += predicted == label ? 1 : 0;
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
    /// <returns>The hardest rows of the epoch; the rows that look mislabelled, and how many those are.</returns>
    public (IReadOnlyList<RowFinding> Hardest, IReadOnlyList<RowFinding> Suspect, int SuspectCount) EndEpoch(
        int most,
        IReadOnlyList<string> classes
    )
    {
        var hardest = new PriorityQueue<RowFinding, double>();
        var suspects = new List<(long Row, Row Entry, double Loss)>();
        foreach (var key in rows.Keys)
        {
            ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(rows, key);
            if (entry.Count == 0)
                continue;
            var loss = entry.Sum / entry.Count;
            entry.Streak = entry.Contradicts ? entry.Streak + 1 : 0;
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
        (right, seen) = (0, 0);
        return (
            [.. hardest.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element)],
            [.. suspects.OrderByDescending(s => s.Loss).Take(most).Select(s => Found(s.Row, s.Entry, s.Loss))],
            suspects.Count
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
        (right, seen) = (0, 0);
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
    }
}
