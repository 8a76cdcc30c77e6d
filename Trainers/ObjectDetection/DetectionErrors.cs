using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>What a detector did wrong on an image, at an overlap of 0.5.</summary>
/// <param name="Found">Objects with a detection of their class on them.</param>
/// <param name="Missed">Objects without one.</param>
/// <param name="Wrong">Detections without an object of their class.</param>
internal readonly record struct DetectionErrors(int Found, int Missed, int Wrong)
{
    private const float Overlap = 0.5f;

    public int Count => Missed + Wrong;

    /// <summary>Gives each detection, the best first, the object of its class that it overlaps most and that is still free. Ignored objects are neither found nor missed.</summary>
    public static DetectionErrors Of(RowObjects truth, Detections detections, double scoreThreshold)
    {
        var objects = truth.Labels.Length;
        var (taken, found, wrong, forgiven) = (new bool[objects], 0, 0, truth.Ignored.Count(ignored => ignored));
        var overlaps = new float[objects];
        for (var i = 0; i < detections.Scores.Length && detections.Scores[i] >= scoreThreshold; i++)
        {
            BoxOverlap.IntersectionOverUnion<float>(detections.Boxes.AsSpan(4 * i, 4), truth.Boxes, overlaps);
            var best = -1;
            for (var j = 0; j < objects; j++)
                if (
                    !taken[j]
                    && truth.Labels[j] == detections.Classes[i]
                    && overlaps[j] >= Overlap
                    && (best < 0 || overlaps[j] > overlaps[best])
                )
                    best = j;
            if (best < 0)
                wrong++;
            else if (taken[best] = truth.Ignored.Length == 0 || !truth.Ignored[best])
                found++;
        }
        return new(found, objects - forgiven - found, wrong);
    }
}
