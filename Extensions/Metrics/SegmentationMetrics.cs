namespace MLNetLosses;

/// <summary>
/// Figures of a segmentation, from the counts of one confusion matrix over all images; TP, FP, FN are pixels of a class. NaN: not defined
/// (the denominator is 0), and left out of every mean. A class in neither targets nor predictions is not defined; one that is only
/// predicted has intersection over union and Dice 0, which count.
/// </summary>
public sealed class SegmentationMetrics
{
    internal SegmentationMetrics(SegmentationConfusion confusion)
    {
        var classes = confusion.ClassCount;
        var (hits, inTargets, inPredictions) = (new double[classes], new double[classes], new double[classes]);
        for (var target = 0; target < classes; target++)
        for (var prediction = 0; prediction < classes; prediction++)
        {
            var count = confusion[target, prediction];
            inTargets[target] += count;
            inPredictions[prediction] += count;
            if (target == prediction)
                hits[target] += count;
        }
        PixelCount = (long)inTargets.Sum();
        IntersectionOverUnion = PerClass(c => hits[c] / (inTargets[c] + inPredictions[c] - hits[c]));
        Dice = PerClass(c => 2 * hits[c] / (inTargets[c] + inPredictions[c]));
        Recall = PerClass(c => hits[c] / inTargets[c]);
        Precision = PerClass(c => hits[c] / inPredictions[c]);
        MeanIntersectionOverUnion = MeanOfDefined(IntersectionOverUnion);
        MeanDice = MeanOfDefined(Dice);
        MeanClassAccuracy = MeanOfDefined(Recall);
        PixelAccuracy = hits.Sum() / PixelCount;
        FrequencyWeightedIntersectionOverUnion =
            PixelCount == 0
                ? double.NaN
                : Enumerable.Range(0, classes).Where(c => inTargets[c] > 0).Sum(c => inTargets[c] / PixelCount * IntersectionOverUnion[c]);

        double[] PerClass(Func<int, double> figure) => [.. Enumerable.Range(0, classes).Select(figure)];
    }

    /// <summary>The pixels that count.</summary>
    public long PixelCount { get; }

    /// <summary>TP / (TP + FP + FN) of each class, the Jaccard index.</summary>
    public IReadOnlyList<double> IntersectionOverUnion { get; }

    /// <summary>2 TP / (2 TP + FP + FN) of each class, which is F1.</summary>
    public IReadOnlyList<double> Dice { get; }

    /// <summary>TP / (TP + FN) of each class: which share of its pixels is found.</summary>
    public IReadOnlyList<double> Recall { get; }

    /// <summary>TP / (TP + FP) of each class: which share of what is called so is right.</summary>
    public IReadOnlyList<double> Precision { get; }

    /// <summary>The mean of <see cref="IntersectionOverUnion"/> over the classes that define it.</summary>
    public double MeanIntersectionOverUnion { get; }

    /// <summary>The mean of <see cref="Dice"/> over the classes that define it.</summary>
    public double MeanDice { get; }

    /// <summary>The mean of <see cref="Recall"/> over the classes that define it.</summary>
    public double MeanClassAccuracy { get; }

    /// <summary>The share of all pixels that is right.</summary>
    public double PixelAccuracy { get; }

    /// <summary>The sum over the classes of their share of the targets times <see cref="IntersectionOverUnion"/>.</summary>
    public double FrequencyWeightedIntersectionOverUnion { get; }

    private static double MeanOfDefined(IReadOnlyList<double> figures) =>
        figures.Where(figure => !double.IsNaN(figure)).DefaultIfEmpty(double.NaN).Average();
}
