using MLNetLosses.Losses;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// What a step of a segmentation tells of its images: the mean cross-entropy of each, and hits and unions of the classes. Of large images every n-th pixel in both directions is looked
/// at, so that it costs nothing beside the step.
/// </summary>
internal static class SegmentationTrainedRows
{
    private const int MostPixels = 64 * 64;

    /// <param name="batch">Its <c>targets</c>: class indices [N, H, W] or layers [N, L, H, W]; 255 is not known.</param>
    /// <param name="inputs">Its <c>logits</c>: [N, C, H, W].</param>
    public static TrainedRows Describe(TrainingBatch batch, LossInputs inputs)
    {
        var (logits, targets) = (inputs["logits"].detach(), inputs["targets"]);
        var step = (long)Math.Ceiling(Math.Sqrt((double)logits.shape[2] * logits.shape[3] / MostPixels));
        (logits, targets) = (Thin(logits, step).to(ScalarType.Float32), Thin(targets, step));
        var known = targets.ne(SegmentationMask.Ignored);
        return targets.dim() == 4 ? OfLayers(batch, logits, targets, known) : OfIndices(batch, logits, targets, known);
    }

    private static Tensor Thin(Tensor tensor, long step)
    {
        var (height, width) = (tensor.dim() - 2, tensor.dim() - 1);
        return step == 1
            ? tensor
            : tensor.slice(height, step / 2, tensor.shape[height], step).slice(width, step / 2, tensor.shape[width], step);
    }

    private static TrainedRows OfIndices(TrainingBatch batch, Tensor logits, Tensor targets, Tensor known)
    {
        var isBinary = logits.shape[1] == 1;
        var classes = isBinary ? 2 : logits.shape[1];
        var safe = targets.where(known, zeros_like(targets));
        Tensor losses,
            predicted;
        if (isBinary)
        {
            var each = logits.squeeze(1);
            losses = nn.functional.binary_cross_entropy_with_logits(each, safe.to(ScalarType.Float32), reduction: nn.Reduction.None);
            predicted = each.gt(0).to(ScalarType.Int64);
        }
        else
        {
            losses = nn.functional.log_softmax(logits, 1).gather(1, safe.unsqueeze(1)).squeeze(1).neg();
            predicted = logits.argmax(1);
        }
        // What is not known is counted in a place of its own: nothing waits for the device.
        var places = (safe * classes + predicted).where(known, full_like(safe, classes * classes)).reshape(-1);
        var counts = zeros([classes * classes + 1], ScalarType.Float32, logits.device)
            .index_add(0, places, ones(places.shape, ScalarType.Float32, logits.device), 1)
            .narrow(0, 0, classes * classes)
            .reshape(classes, classes);
        var hits = counts.diagonal();
        return Rows(batch, losses, known, hits, counts.sum([0]) + counts.sum([1]) - hits, hits.sum(), counts.sum());
    }

    private static TrainedRows OfLayers(TrainingBatch batch, Tensor logits, Tensor targets, Tensor known)
    {
        var (truth, predicted) = (targets.eq(1), logits.gt(0).logical_and(known));
        var losses = nn.functional.binary_cross_entropy_with_logits(logits, truth.to(ScalarType.Float32), reduction: nn.Reduction.None);
        return Rows(
            batch,
            losses,
            known,
            truth.logical_and(predicted).sum([0, 2, 3]),
            truth.logical_or(predicted).sum([0, 2, 3]),
            truth.eq(predicted).logical_and(known).sum(),
            known.sum()
        );
    }

    private static TrainedRows Rows(
        TrainingBatch batch,
        Tensor losses,
        Tensor known,
        Tensor hits,
        Tensor unions,
        Tensor right,
        Tensor counted
    )
    {
        var pixels = known.reshape(batch.RowCount, -1);
        var sums = (losses.reshape(batch.RowCount, -1) * pixels).sum(1);
        return new(batch.Rows, sums / pixels.sum(1))
        {
            Metrics = [new(SegmentationValidation.MeanIoU, hits, unions), new(SegmentationValidation.PixelAccuracy, right, counted)],
        };
    }
}
