using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// Whether losses can be computed of what a detector gives, and divided image by image where that is wanted. A loss tells that by what it computes only, so it is tried
/// on a few anchors.
/// </summary>
internal static class DetectionLossCheck
{
    private const int Images = 2;
    private const int Anchors = 4;

    /// <summary>What is wrong with the first loss that cannot be computed; null: nothing.</summary>
    public static string? Find(ObjectDetectionTrainer.Options options, DetectionNetworkShape shape)
    {
        var whole = options.Copy();
        whole.LossNormalization = DetectionNormalization.Batch;
        foreach (var (wanted, byBatch) in DetectionObjective.Of(options).Terms.Zip(DetectionObjective.Of(whole).Terms))
        {
            if (Problem(wanted.Loss, options, shape) is not { } problem)
                continue;
            var term = (DetectionTerm)wanted.Loss;
            return term.ByImage && Problem(byBatch.Loss, whole, shape) is null
                ? $"LossNormalization Image divides a loss by each image's anchors with objects, and {term.Loss} cannot be told apart by image ({problem}) Set LossNormalization to Batch, or take another loss."
                : $"{term.Loss} cannot be a detector's loss on {(term.Part == DetectionObjective.Classification ? "classes" : term.Part)}: {problem}";
        }
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
            zeros([Images, Anchors, shape.Head.Coder.Outputs]),
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
