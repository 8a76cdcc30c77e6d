using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Batches of a loader as the training loop takes them.</summary>
internal sealed class ClassificationBatches(ImageLoader loader) : IBatchSource
{
    public int BatchCount => loader.Steps;

    public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation) =>
        loader.Epoch(epoch, cancellation: cancellation).Select(Convert);

    /// <summary>
    /// The inputs of the loss for the logits of a batch. Where Mixup or CutMix was applied, every row counts twice: as its own class with
    /// weight lambda, and as its partner's with 1 - lambda. The weighted mean is then lambda loss(own) + (1 - lambda) loss(partner), for
    /// every loss, whichever targets it takes.
    /// </summary>
    public static LossInputs WithLogits(TrainingBatch batch, Tensor logits)
    {
        var twice = batch.Targets["targets"].shape[0] == 2 * logits.shape[0];
        return batch.Targets.With(("logits", twice ? cat([logits, logits]) : logits));
    }

    private static TrainingBatch Convert(ImageBatch batch)
    {
        var rows = batch.Rows.Select(row => (long)row).ToArray();
        if (batch.Mixed is not { } mixed)
        {
            var targets = new LossInputs { ["targets"] = batch.Targets };
            if (batch.Weights is { } weights)
                targets["weights"] = weights;
            return new TrainingBatch(batch.Pixels, targets, rows);
        }
        using var scope = NewDisposeScope();
        var ones = batch.Weights is null ? full_like(batch.Targets, 1, ScalarType.Float32) : null;
        var both = new LossInputs
        {
            ["targets"] = cat([batch.Targets, mixed.Targets]).DetachFromDisposeScope(),
            ["weights"] = cat([(batch.Weights ?? ones!) * mixed.Lambda, (mixed.Weights ?? ones!) * (1 - mixed.Lambda)])
                .DetachFromDisposeScope(),
        };
        batch.Targets.Dispose();
        batch.Weights?.Dispose();
        mixed.Targets.Dispose();
        mixed.Weights?.Dispose();
        return new TrainingBatch(batch.Pixels, both, rows);
    }
}
