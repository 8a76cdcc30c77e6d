namespace MLNetLosses;

/// <summary>
/// Figures of a segmentation, from the counts of one confusion matrix over all images; TP, FP, FN are pixels of a class. NaN: not defined
/// (the denominator is 0), and left out of every mean. A class in neither targets nor predictions is not defined; one that is only
/// predicted has intersection over union and Dice 0, which count.
/// </summary>
public sealed class SegmentationMetrics
{
    internal SegmentationMetrics(SegmentationConfusion confusion, IReadOnlyList<string>? classNames = null, SurfaceMetrics? surfaces = null)
        : this(Counts(confusion), decisions: null, confusion.Total, classNames, surfaces) => ConfusionMatrix = confusion;

    /// <param name="classes">TP, TP + FN and TP + FP of each class.</param>
    /// <param name="decisions">Where each class is told from the rest by itself: how often that counts, over all pixels and classes. Else null.</param>
    /// <param name="pixels">The pixels that count.</param>
    /// <param name="classNames">Names of the classes, or null.</param>
    /// <param name="surfaces">What borders gave, or null.</param>
    internal SegmentationMetrics(
        (long Hits, long InTargets, long InPredictions)[] classes,
        long? decisions,
        long pixels,
        IReadOnlyList<string>? classNames,
        SurfaceMetrics? surfaces
    )
    {
        (PixelCount, ClassNames, Surfaces) = (pixels, classNames, surfaces);
        var hits = classes.Sum(c => c.Hits);
        var inTargets = classes.Sum(c => c.InTargets);
        IntersectionOverUnion = PerClass(c => (double)c.Hits / (c.InTargets + c.InPredictions - c.Hits));
        Dice = PerClass(c => 2.0 * c.Hits / (c.InTargets + c.InPredictions));
        Recall = PerClass(c => (double)c.Hits / c.InTargets);
        Precision = PerClass(c => (double)c.Hits / c.InPredictions);
        MeanIntersectionOverUnion = MeanOfDefined(IntersectionOverUnion);
        MeanDice = MeanOfDefined(Dice);
        MeanClassAccuracy = MeanOfDefined(Recall);
        var wrong = inTargets + classes.Sum(c => c.InPredictions) - 2 * hits;
        PixelAccuracy = decisions is { } all ? 1 - (double)wrong / all : (double)hits / pixels;
        FrequencyWeightedIntersectionOverUnion =
            inTargets == 0
                ? double.NaN
                : classes.Select((c, i) => c.InTargets == 0 ? 0 : (double)c.InTargets / inTargets * IntersectionOverUnion[i]).Sum();

        double[] PerClass(Func<(long Hits, long InTargets, long InPredictions), double> figure) => [.. classes.Select(figure)];
    }

    /// <summary>The counts of pairs of classes; null where classes overlap and each is told from the rest by itself.</summary>
    public SegmentationConfusion? ConfusionMatrix { get; }

    /// <summary>The names of the classes in the order of all lists here; null where the data do not say.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>How well borders are found; null where that was not asked for.</summary>
    public SurfaceMetrics? Surfaces { get; }

    /// <summary>The pixels that count; where classes overlap, for any of them.</summary>
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

    /// <summary>The share of all pixels that is right; where classes overlap, of all pixels of all classes.</summary>
    public double PixelAccuracy { get; }

    /// <summary>The sum over the classes of their share of the targets times <see cref="IntersectionOverUnion"/>.</summary>
    public double FrequencyWeightedIntersectionOverUnion { get; }

    internal static double MeanOfDefined(IReadOnlyList<double> figures) =>
        figures.Where(figure => !double.IsNaN(figure)).DefaultIfEmpty(double.NaN).Average();

    private static (long Hits, long InTargets, long InPredictions)[] Counts(SegmentationConfusion confusion)
    {
        var classes = new (long Hits, long InTargets, long InPredictions)[confusion.ClassCount];
        for (var target = 0; target < classes.Length; target++)
        for (var prediction = 0; prediction < classes.Length; prediction++)
        {
            var count = confusion[target, prediction];
            classes[target].InTargets += count;
            classes[prediction].InPredictions += count;
            if (target == prediction)
                classes[target].Hits += count;
        }
        return classes;
    }
}
