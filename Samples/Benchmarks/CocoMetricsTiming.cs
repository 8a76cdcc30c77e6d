using System.Diagnostics;

namespace MLNetLosses.Benchmarks;

/// <summary>How long COCO's metrics take on made-up detections of the size of COCO's validation set.</summary>
internal static class CocoMetricsTiming
{
    private const int Classes = 80;
    private const int Targets = 7; // an image, about COCO's
    private const int Detections = 100; // an image, as detectors give them

    public static void Run(int images)
    {
        var random = new Random(1);
        var set = Enumerable.Range(0, images).Select(_ => MakeImage(random)).ToArray();
        var evaluator = new ObjectDetectionEvaluator(Enumerable.Range(0, Classes).Select(c => $"class {c}"));
        var start = Stopwatch.GetTimestamp();
        foreach (var image in set)
            evaluator.Add<float>(image.Boxes, image.Classes, image.FoundBoxes, image.FoundClasses, image.Scores);
        var added = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var metrics = evaluator.Metrics();
        var all = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(
            $"{images} images, {Classes} classes, {images * Targets} targets, {images * Detections} detections: {all:0.00} s ({added:0.00} s to match, {all - added:0.00} s for the figures); mAP {metrics.AveragePrecision:0.0000}, AP50 {metrics.AveragePrecision50:0.0000}."
        );
    }

    private sealed record Image(float[] Boxes, int[] Classes, float[] FoundBoxes, int[] FoundClasses, float[] Scores);

    private static Image MakeImage(Random random)
    {
        int[] classes = [.. Enumerable.Range(0, Targets).Select(_ => random.Next(Classes))];
        float[] boxes = [.. classes.SelectMany(_ => Box(random))];
        var (found, foundClasses, scores) = (new List<float>(), new List<int>(), new List<float>());
        for (var i = 0; i < Detections; i++)
        {
            // Each target is found twice, well and badly; the rest is wrong.
            var (target, isHit) = (i % Targets, i < 2 * Targets);
            foundClasses.Add(isHit || random.Next(2) == 0 ? classes[target] : random.Next(Classes));
            if (isHit)
                found.AddRange(boxes.AsSpan(4 * target, 4).ToArray().Select(edge => edge + (i < Targets ? 2 : 8) * random.NextSingle()));
            else
                found.AddRange(Box(random));
            scores.Add(isHit ? 0.4f + 0.6f * random.NextSingle() : 0.6f * random.NextSingle());
        }
        return new(boxes, classes, [.. found], [.. foundClasses], [.. scores]);
    }

    private static float[] Box(Random random)
    {
        var (x, y) = (500 * random.NextSingle(), 400 * random.NextSingle());
        return [x, y, x + 10 + 130 * random.NextSingle(), y + 10 + 70 * random.NextSingle()];
    }
}
