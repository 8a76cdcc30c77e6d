using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;

namespace MLNetLosses;

/// <summary>Measures a detector on images that it does not learn from, by COCO's rules.</summary>
internal sealed class DetectionValidation(
    DetectionNetwork network,
    DetectionRows rows,
    int[] positions,
    DetectionSettings settings,
    PixelNormalization normalization,
    IReadOnlyList<string> classes,
    torch.Device device,
    int readers,
    Func<DetectionEvidence> evidence,
    Action check
)
{
    public const string MeanAveragePrecision = "mAP";
    public const string AveragePrecision50 = "AP50";
    public const string AveragePrecision75 = "AP75";
    private const int BlockImages = 4;

    /// <summary>One pass over the images; the network is in evaluation mode.</summary>
    public ValidationMetrics Measure(CancellationToken cancellation)
    {
        var inference = new DetectionInference(network.Shape, settings, normalization);
        var evaluator = new ObjectDetectionEvaluator(classes);
        var seen = evidence();
        foreach (var block in positions.Chunk(BlockImages))
        {
            cancellation.ThrowIfCancellationRequested();
            check();
            var images = ParallelDecoding.Run(block.Length, readers, i => rows.Images.Read(block[i]));
            var found = inference.Run(network, images, device);
            for (var i = 0; i < block.Length; i++)
            {
                var (truth, detections) = (rows.Objects[block[i]], found[i]!);
                evaluator.Add<float>(truth.Boxes, truth.Labels, detections.Boxes, detections.Classes, detections.Scores, truth.Ignored);
                seen.Add(block[i], truth, detections);
            }
        }
        var metrics = evaluator.Metrics();
        return new(
            new Dictionary<string, double>
            {
                [MeanAveragePrecision] = OrZero(metrics.AveragePrecision),
                [AveragePrecision50] = OrZero(metrics.AveragePrecision50),
                [AveragePrecision75] = OrZero(metrics.AveragePrecision75),
            },
            MeanAveragePrecision
        )
        {
            Details = seen.Finish(metrics),
        };
    }

    // Undefined where the validation set has no objects: nothing was found that was to be found.
    private static double OrZero(double value) => double.IsNaN(value) ? 0 : value;
}
