using System.Numerics;
using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;

namespace MLNetLosses;

/// <summary>The detections of an image, best first.</summary>
/// <param name="Classes">One a detection, from 0.</param>
/// <param name="Scores">Falling.</param>
/// <param name="Boxes">x0, y0, x1, y1 each.</param>
internal sealed record Detections(int[] Classes, float[] Scores, float[] Boxes)
{
    public static readonly Detections None = new([], [], []);
}

/// <summary>
/// From what a head says of an image's anchors to detections: those that score enough, the best of each level, decoded, cut at the image's border, and the weaker of
/// those that overlap removed. Plain numbers: only what scores enough is touched.
/// </summary>
internal sealed class DetectionDecoder(DetectionNetworkShape shape, DetectionSettings settings)
{
    private readonly BoxCoder coder = shape.Head.Coder;

    /// <param name="anchors">The anchors.</param>
    /// <param name="logits">[A, outputs].</param>
    /// <param name="codes">[A, <see cref="BoxCoder.Outputs"/>].</param>
    /// <param name="quality">[A], or empty.</param>
    /// <param name="size">Width and height of the image within the input.</param>
    /// <param name="scale">What a pixel of the input measures in pixels of the result, along x and y.</param>
    public Detections Decode(
        AnchorGrid anchors,
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> codes,
        ReadOnlySpan<float> quality,
        (int Width, int Height) size,
        (double X, double Y) scale
    )
    {
        var (boxes, scores, classes) = (new List<float>(), new List<float>(), new List<int>());
        var candidates = new List<ulong>();
        for (var level = 0; level < anchors.Levels; level++)
        {
            candidates.Clear();
            for (var a = anchors.LevelStarts[level]; a < anchors.LevelStarts[level + 1]; )
                a = Collect(logits, quality, a, anchors.LevelStarts[level + 1], candidates);
            var best = CollectionsMarshal.AsSpan(candidates);
            best.Sort();
            foreach (var candidate in best[..Math.Min(best.Length, settings.MaximumCandidates)])
            {
                var (score, place) = OfKey(candidate);
                var (anchor, kind) = Math.DivRem(place, shape.Outputs);
                var (x0, y0, x1, y1) = coder.Decode(codes.Slice(coder.Outputs * anchor, coder.Outputs), anchors[anchor]);
                (x0, x1) = (Math.Clamp(x0, 0, size.Width), Math.Clamp(x1, 0, size.Width));
                (y0, y1) = (Math.Clamp(y0, 0, size.Height), Math.Clamp(y1, 0, size.Height));
                if (!(x1 > x0 && y1 > y0))
                    continue;
                boxes.AddRange([x0, y0, x1, y1]);
                scores.Add(score);
                classes.Add(kind);
            }
        }
        var result = Suppress(CollectionsMarshal.AsSpan(boxes), CollectionsMarshal.AsSpan(scores), CollectionsMarshal.AsSpan(classes));
        for (var i = 0; i < result.Boxes.Length; i++)
            result.Boxes[i] = (float)(result.Boxes[i] * (i % 2 == 0 ? scale.X : scale.Y));
        return result;
    }

    /// <summary>A number that is the smaller the better the score, and of equal scores the earlier the place: the bits of scores, which are not negative, rise with them.</summary>
    private static ulong Key(float score, int place) => ((ulong)~BitConverter.SingleToUInt32Bits(score) << 32) | (uint)place;

    private static (float Score, int Place) OfKey(ulong key) => (BitConverter.UInt32BitsToSingle(~(uint)(key >> 32)), (int)(uint)key);

    /// <summary>Adds what scores enough of an anchor, or of several where none does, and gives the next anchor.</summary>
    private int Collect(ReadOnlySpan<float> logits, ReadOnlySpan<float> quality, int anchor, int end, List<ulong> candidates)
    {
        if (shape.HasBackground)
        {
            CollectSoftmax(logits, quality, anchor, candidates);
            return anchor + 1;
        }
        var factor = quality.IsEmpty ? 1 : Sigmoid(quality[anchor]);
        // Without a quality a score is compared as the logit that it is made of, many at once.
        if (quality.IsEmpty)
        {
            var skipped = Below(logits[(anchor * shape.Outputs)..(end * shape.Outputs)], LeastLogit);
            anchor += skipped / shape.Outputs;
            if (anchor >= end)
                return end;
        }
        for (var kind = 0; kind < shape.Outputs; kind++)
        {
            var place = anchor * shape.Outputs + kind;
            var score = Sigmoid(logits[place]);
            if (!quality.IsEmpty)
                score = MathF.Sqrt(score * factor);
            if (score > settings.ScoreThreshold)
                candidates.Add(Key(score, place));
        }
        return anchor + 1;
    }

    private void CollectSoftmax(ReadOnlySpan<float> logits, ReadOnlySpan<float> quality, int anchor, List<ulong> candidates)
    {
        var own = logits.Slice(anchor * shape.Outputs, shape.Outputs);
        var highest = own[0];
        foreach (var logit in own)
            highest = Math.Max(highest, logit);
        var sum = 0f;
        foreach (var logit in own)
            sum += MathF.Exp(logit - highest);
        for (var kind = 0; kind < shape.ClassCount; kind++)
        {
            var score = MathF.Exp(own[kind] - highest) / sum;
            if (!quality.IsEmpty)
                score = MathF.Sqrt(score * Sigmoid(quality[anchor]));
            if (score > settings.ScoreThreshold)
                candidates.Add(Key(score, anchor * shape.Outputs + kind));
        }
    }

    // A little below, so that rounding loses nothing; scores are compared afterwards.
    private float LeastLogit =>
        settings.ScoreThreshold is > 0 and < 1 and var t ? (float)Math.Log(t / (1 - t)) - 1e-3f
        : settings.ScoreThreshold == 0 ? float.NegativeInfinity
        : float.MaxValue;

    /// <summary>How many numbers at the beginning are all below a bound; whole vectors only.</summary>
    private static int Below(ReadOnlySpan<float> values, float bound)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var limit = new Vector<float>(bound);
        for (var i = 0; i < vectors.Length; i++)
            if (Vector.GreaterThanAny(vectors[i], limit))
                return i * Vector<float>.Count;
        return vectors.Length * Vector<float>.Count;
    }

    private Detections Suppress(ReadOnlySpan<float> boxes, ReadOnlySpan<float> scores, ReadOnlySpan<int> classes)
    {
        if (scores.IsEmpty)
            return Detections.None;
        if (settings.Suppression == BoxSuppression.Hard)
        {
            var kept = NonMaximumSuppression.Keep(boxes, scores, classes, settings.IOUThreshold, settings.MaximumDetections);
            return Pick(boxes, classes, kept, Array.ConvertAll(kept, ScoreOf(scores.ToArray())));
        }
        var left = SoftSuppression.Apply(
            boxes,
            scores,
            classes,
            settings.Suppression == BoxSuppression.Linear ? SoftSuppressionDecay.Linear : SoftSuppressionDecay.Gaussian,
            settings.IOUThreshold,
            settings.SuppressionSigma,
            Math.Max(settings.ScoreThreshold, 1e-3),
            settings.MaximumDetections
        );
        return Pick(boxes, classes, Array.ConvertAll(left, pair => pair.Index), Array.ConvertAll(left, pair => pair.Score));
    }

    private static Converter<int, float> ScoreOf(float[] scores) => index => scores[index];

    private static Detections Pick(ReadOnlySpan<float> boxes, ReadOnlySpan<int> classes, int[] kept, float[] scores)
    {
        var result = new Detections(new int[kept.Length], scores, new float[4 * kept.Length]);
        for (var i = 0; i < kept.Length; i++)
        {
            result.Classes[i] = classes[kept[i]];
            boxes.Slice(4 * kept[i], 4).CopyTo(result.Boxes.AsSpan(4 * i, 4));
        }
        return result;
    }

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));
}
