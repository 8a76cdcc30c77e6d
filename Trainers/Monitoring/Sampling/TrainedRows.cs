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
    /// <summary>Rows that stand for nothing by themselves; what is measured over all of them may still be told.</summary>
    public static TrainedRows None(params IReadOnlyList<TrainedMetric> metrics) => new([], empty(0)) { Metrics = metrics };

    /// <summary>What is measured over all rows.</summary>
    public IReadOnlyList<TrainedMetric> Metrics { get; init; } = [];

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
        var right = predicted.eq(targets);
        return new(batch.Rows, losses, targets.alias(), predicted, best.exp())
        {
            Metrics = [new("accuracy", right.sum(), tensor((double)batch.Rows.Count))],
        };
    }
}

/// <summary>
/// A metric of the training data, streamed: over an epoch, the sums of both parts, the ratio of the sums, and the mean over those of their numbers that counted anything. A share
/// has one number; intersection over union has one a class.
/// </summary>
/// <param name="Name">As in the validation, where it has one of the kind.</param>
/// <param name="Part">The upper part, any shape.</param>
/// <param name="Whole">The lower part, as many numbers.</param>
internal sealed record TrainedMetric(string Name, Tensor Part, Tensor Whole);
