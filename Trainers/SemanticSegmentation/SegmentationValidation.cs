using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Measures a network on images that it does not learn from, at the size that it is given them.</summary>
internal sealed class SegmentationValidation(
    SegmentationNetwork network,
    SegmentationData data,
    TilePlan tiling,
    Device device,
    SegmentationMetric monitored,
    bool draws,
    Action check
)
{
    public const string MeanIoU = "meanIoU";
    public const string MeanDice = "meanDice";
    public const string PixelAccuracy = "pixelAccuracy";

    private readonly PixelNormalization normalization = new(data.Validation!.Preprocessing);

    /// <summary>One pass over the images; the network is in evaluation mode.</summary>
    public ValidationMetrics Measure(CancellationToken cancellation)
    {
        var counts =
            data.Mode == SegmentationMode.Multilabel
                ? (IPixelCounts)new LayerCounts(data.Classes.Count)
                : new IndexCounts(data.Classes.Count);
        var evidence = new SegmentationEvidence(data.Validation!, data.Classes);
        foreach (var group in Batches())
        {
            cancellation.ThrowIfCancellationRequested();
            check();
            Add(group, counts, evidence);
        }
        var (iou, dice, accuracy) = counts.Figures();
        var values = new Dictionary<string, double>
        {
            [MeanIoU] = iou,
            [MeanDice] = dice,
            [PixelAccuracy] = accuracy,
        };
        return new(
            values,
            monitored switch
            {
                SegmentationMetric.MeanDice => MeanDice,
                SegmentationMetric.PixelAccuracy => PixelAccuracy,
                _ => MeanIoU,
            }
        )
        {
            Details = counts.Details(evidence),
        };
    }

    /// <summary>Neighbours of one size together, as many as the network may be given at once.</summary>
    private IEnumerable<List<int>> Batches()
    {
        var store = data.Validation!;
        var batch = new List<int>();
        foreach (var position in data.ValidationPositions)
        {
            var size = store.SizeOf(position);
            var most = PredictionBatch.ImagesOf(size.Width, size.Height, tiling.MaxPixels);
            if (batch.Count > 0 && (batch.Count >= most || store.SizeOf(batch[0]) != size))
            {
                yield return batch;
                batch = [];
            }
            batch.Add(position);
        }
        if (batch.Count > 0)
            yield return batch;
    }

    private void Add(List<int> positions, IPixelCounts counts, SegmentationEvidence evidence)
    {
        using var scope = NewDisposeScope();
        var store = data.Validation!;
        var (width, height) = store.SizeOf(positions[0]);
        var layers = store.LayerCount;
        var pixels = empty([positions.Count, store.Preprocessing.Channels, height, width], ScalarType.Byte);
        var masks = empty(layers == 0 ? [positions.Count, height, width] : [positions.Count, layers, height, width], ScalarType.Byte);
        var (pixelBytes, maskBytes) = ((int)(pixels.numel() / positions.Count), (int)(masks.numel() / positions.Count));
        Parallel.For(
            0,
            positions.Count,
            i =>
            {
                var sample = store.Read(positions[i]);
                sample.Pixels.Span.CopyTo(pixels.bytes.Slice(i * pixelBytes, pixelBytes));
                sample.Mask.Span.CopyTo(masks.bytes.Slice(i * maskBytes, maskBytes));
            }
        );
        var predicted = draws ? empty_like(masks) : null;
        var (wrong, seen) = (new double[positions.Count], new double[positions.Count]);
        foreach (var (x, y) in tiling.Tiles(width, height))
        {
            using var tile = NewDisposeScope();
            var shown = pixels.narrow(2, y.Start, y.Length).narrow(3, x.Start, x.Length).contiguous().to(device);
            var logits = network
                .call(normalization.Apply(shown))
                .narrow(2, y.KeepStart - y.Start, y.KeepLength)
                .narrow(3, x.KeepStart - x.Start, x.KeepLength);
            var axis = layers == 0 ? 1 : 2;
            var targets = masks.narrow(axis, y.KeepStart, y.KeepLength).narrow(axis + 1, x.KeepStart, x.KeepLength).to(device);
            var prediction =
                layers > 0 ? logits.gt(0)
                : logits.shape[1] == 1 ? logits.squeeze(1).gt(0).to(ScalarType.Int64)
                : logits.argmax(1);
            counts.Add(prediction, targets);
            predicted?.narrow(axis, y.KeepStart, y.KeepLength).narrow(axis + 1, x.KeepStart, x.KeepLength).copy_(prediction);
            var counted = targets.ne(SegmentationMask.Ignored);
            Sum(prediction.ne(layers > 0 ? targets.eq(1) : targets).logical_and(counted), wrong);
            Sum(counted, seen);
        }
        for (var i = 0; i < positions.Count; i++)
        {
            var image = predicted?.select(0, i);
            evidence.Add(positions[i], wrong[i] / seen[i], image is null ? null : () => image.bytes.ToArray());
        }

        static void Sum(Tensor flags, double[] sums)
        {
            var numbers = flags.reshape([sums.Length, -1]).sum([1], type: ScalarType.Int64).cpu().data<long>().ToArray();
            for (var i = 0; i < sums.Length; i++)
                sums[i] += numbers[i];
        }
    }

    /// <summary>Counts of pixels, from which figures are made.</summary>
    private interface IPixelCounts
    {
        void Add(Tensor prediction, Tensor targets);

        ValidationDetails Details(SegmentationEvidence evidence);

        (double IoU, double Dice, double Accuracy) Figures();
    }

    private sealed class IndexCounts(int classes) : IPixelCounts
    {
        private readonly SegmentationConfusion confusion = new(classes, SegmentationMask.Ignored);

        public void Add(Tensor prediction, Tensor targets) => confusion.Add(prediction, targets);

        public ValidationDetails Details(SegmentationEvidence evidence)
        {
            double[] Each(Func<int, double> figure) => [.. Enumerable.Range(0, classes).Select(figure)];
            double Total(Func<int, long> count) => Enumerable.Range(0, classes).Sum(other => (double)count(other));
            return evidence.Finish(
                Each(c => Total(other => confusion[c, other])),
                Each(c => Total(other => confusion[other, c])),
                Each(c => confusion[c, c]),
                confusion
            );
        }

        public (double IoU, double Dice, double Accuracy) Figures()
        {
            var metrics = confusion.Metrics();
            return (metrics.MeanIntersectionOverUnion, metrics.MeanDice, metrics.PixelAccuracy);
        }
    }

    private sealed class LayerCounts(int classes) : IPixelCounts
    {
        private readonly double[] hits = new double[classes];
        private readonly double[] predicted = new double[classes];
        private readonly double[] present = new double[classes];
        private double right;
        private double seen;

        public ValidationDetails Details(SegmentationEvidence evidence) => evidence.Finish(present, predicted, hits, null);

        public void Add(Tensor prediction, Tensor targets)
        {
            var (truth, counted) = (targets.eq(1), targets.ne(SegmentationMask.Ignored));
            Sum(prediction.logical_and(truth), hits);
            Sum(prediction.logical_and(counted), predicted);
            Sum(truth, present);
            right += prediction.eq(truth).logical_and(counted).sum().item<long>();
            seen += counted.sum().item<long>();
        }

        public (double IoU, double Dice, double Accuracy) Figures()
        {
            double[] defined = [.. Enumerable.Range(0, classes).Where(c => predicted[c] + present[c] > 0).Select(c => (double)c)];
            double Mean(Func<int, double> figure) => defined.Length == 0 ? double.NaN : defined.Average(c => figure((int)c));
            return (
                Mean(c => hits[c] / (predicted[c] + present[c] - hits[c])),
                Mean(c => 2 * hits[c] / (predicted[c] + present[c])),
                right / seen
            );
        }

        private static void Sum(Tensor flags, double[] sums)
        {
            var numbers = flags.sum([0, 2, 3], type: ScalarType.Int64).cpu().data<long>().ToArray();
            for (var i = 0; i < sums.Length; i++)
                sums[i] += numbers[i];
        }
    }
}
