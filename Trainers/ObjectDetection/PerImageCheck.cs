using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Whether losses can be divided image by image. A loss tells that by what it computes only, so it is tried on a few anchors.</summary>
internal static class PerImageCheck
{
    private const int Images = 2;
    private const int Anchors = 4;

    /// <summary>The first loss that can be divided over a batch and not over its images, and why; null: there is none.</summary>
    public static (Loss Loss, string Reason)? Find(ObjectDetectionTrainer.Options options, DetectionNetworkShape shape)
    {
        if (options.LossNormalization != DetectionNormalization.Image)
            return null;
        var whole = options.Copy();
        whole.LossNormalization = DetectionNormalization.Batch;
        var terms = DetectionObjective.Of(options).Terms.Zip(DetectionObjective.Of(whole).Terms);
        foreach (var (byImage, byBatch) in terms)
            if (Problem(byImage.Loss, options, shape) is { } problem && Problem(byBatch.Loss, whole, shape) is null)
                return (((DetectionTerm)byImage.Loss).Loss, problem);
        return null;
    }

    private static string? Problem(Loss loss, ObjectDetectionTrainer.Options options, DetectionNetworkShape shape)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        try
        {
            using var function = loss.Build(
                new() { ClassCount = shape.ClassCount, ClassCounts = [.. Enumerable.Repeat(1L, shape.ClassCount)] }
            );
            function.Evaluate(new DetectionLossInputs(shape, options).Make(Output(shape), Targets()));
            return null;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return e.Message;
        }
    }

    private static HeadOutput Output(DetectionNetworkShape shape) =>
        new(
            zeros([Images, Anchors, shape.Outputs]),
            zeros([Images, Anchors, 4]),
            shape.Head.Quality == BoxQuality.None ? null : zeros([Images, Anchors])
        );

    // One anchor of each image learns an object.
    private static AnchorTargets Targets()
    {
        var boxes = tensor(new float[] { 0, 0, 8, 8, 0, 0, 8, 8 }, [Images, 4]);
        return new(
            tensor(new long[] { 0, Anchors }),
            zeros([Images], ScalarType.Int64),
            arange(Images, ScalarType.Int64),
            boxes,
            boxes,
            zeros([0], ScalarType.Int64),
            ones([Images])
        );
    }
}
