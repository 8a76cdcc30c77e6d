using MLNetLosses.Data;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>The objects of an image of a batch, in pixels of what the network reads.</summary>
/// <param name="Boxes">x0, y0, x1, y1 each.</param>
/// <param name="Classes">One an object.</param>
/// <param name="Ignored">Boxes in which nothing is learned: crowds and the like.</param>
internal sealed record ImageObjects(float[] Boxes, int[] Classes, float[] Ignored)
{
    public static readonly ImageObjects None = new([], [], []);
}

/// <summary>
/// Matches anchors with objects, image by image, and collects what the loss needs. Plain numbers, off the thread that trains: what an anchor learns does not depend on
/// what the network says.
/// </summary>
internal sealed class AnchorTargetBuilder(AnchorGrid anchors, AnchorMatching matching, AnchorSampling? sampling)
{
    private const float IgnoredShare = 0.5f;
    private readonly int[] matches = new int[anchors.Count];
    private readonly List<long> places = [];
    private readonly List<long> classes = [];
    private readonly List<long> images = [];
    private readonly List<float> boxes = [];
    private readonly List<float> own = [];
    private readonly List<long> ignored = [];
    private readonly List<float> counts = [];

    /// <summary>Adds the next image.</summary>
    public void Add(ImageObjects objects, ref RandomStream random)
    {
        if (objects.Classes.Length == 0)
            matches.AsSpan().Fill(AnchorMatching.Background);
        else
            matching.Match(anchors, objects.Boxes, matches);
        IgnoreInside(objects.Ignored);
        sampling?.Apply(matches, ref random);
        var image = counts.Count;
        var first = (long)image * anchors.Count;
        var before = places.Count;
        for (var a = 0; a < matches.Length; a++)
        {
            var match = matches[a];
            if (match == AnchorMatching.Background)
                continue;
            if (match == AnchorMatching.Ignored)
            {
                ignored.Add(first + a);
                continue;
            }
            places.Add(first + a);
            classes.Add(objects.Classes[match]);
            images.Add(image);
            boxes.AddRange(objects.Boxes.AsSpan(4 * match, 4));
            var (x0, y0, x1, y1) = anchors[a];
            own.AddRange([x0, y0, x1, y1]);
        }
        counts.Add(places.Count - before);
    }

    /// <summary>The tensors, on the CPU, in no dispose scope.</summary>
    public AnchorTargets Build()
    {
        var count = places.Count;
        return new(
            tensor(places.ToArray(), ScalarType.Int64).DetachFromDisposeScope(),
            tensor(classes.ToArray(), ScalarType.Int64).DetachFromDisposeScope(),
            tensor(images.ToArray(), ScalarType.Int64).DetachFromDisposeScope(),
            tensor(boxes.ToArray(), [count, 4], ScalarType.Float32).DetachFromDisposeScope(),
            tensor(own.ToArray(), [count, 4], ScalarType.Float32).DetachFromDisposeScope(),
            tensor(ignored.ToArray(), ScalarType.Int64).DetachFromDisposeScope(),
            tensor(counts.ToArray(), ScalarType.Float32).DetachFromDisposeScope()
        );
    }

    private void IgnoreInside(float[] regions)
    {
        for (var i = 0; i < regions.Length; i += 4)
        for (var a = 0; a < matches.Length; a++)
            if (matches[a] == AnchorMatching.Background && AnchorOverlap.Inside(anchors, a, regions.AsSpan(i, 4)) >= IgnoredShare)
                matches[a] = AnchorMatching.Ignored;
    }
}
