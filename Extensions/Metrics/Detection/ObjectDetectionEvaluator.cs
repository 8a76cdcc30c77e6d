using System.Numerics;
using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>
/// Matches detections with targets, image by image, by the rules of COCO; <see cref="Metrics"/> makes figures of what was added so far. Of an image
/// only a few numbers a detection are kept. Not thread-safe.
/// </summary>
public sealed class ObjectDetectionEvaluator
{
    private readonly List<string> names;
    private readonly List<ClassDetections> classes;

    /// <summary>Starts without images.</summary>
    /// <param name="classNames">The names of the classes, in the order of their indices.</param>
    /// <exception cref="ArgumentException">A name is null.</exception>
    public ObjectDetectionEvaluator(IEnumerable<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        names = [.. classNames];
        if (names.Contains(null!))
            throw new ArgumentException("The name of a class is null.", nameof(classNames));
        classes = [.. names.Select(_ => new ClassDetections())];
    }

    /// <summary>The names of the classes, in the order of their indices.</summary>
    public IReadOnlyList<string> ClassNames => names;

    /// <summary>The images added so far.</summary>
    public int ImageCount { get; private set; }

    /// <summary>Adds one image; both its targets and its detections may be none.</summary>
    /// <typeparam name="T">The type of numbers, such as <see cref="float"/>.</typeparam>
    /// <param name="targetBoxes">x0, y0, x1, y1 of each target, in pixels, right and bottom edges exclusive.</param>
    /// <param name="targetClasses">The class index of each target.</param>
    /// <param name="detectionBoxes">x0, y0, x1, y1 of each detection.</param>
    /// <param name="detectionClasses">The class index of each detection.</param>
    /// <param name="detectionScores">The score of each detection. The 100 best of a class count.</param>
    /// <param name="targetCrowds">
    /// Whether a target stands for a crowd, or need not be found: it is no miss, and detections inside it are no mistakes. Empty: none.
    /// </param>
    /// <param name="targetAreas">The area of each target in square pixels (of its mask, in COCO). Empty: that of the box.</param>
    /// <exception cref="ArgumentException">Lengths do not fit, a class is unknown, or a number is not finite. Nothing is added then.</exception>
    public void Add<T>(
        ReadOnlySpan<T> targetBoxes,
        ReadOnlySpan<int> targetClasses,
        ReadOnlySpan<T> detectionBoxes,
        ReadOnlySpan<int> detectionClasses,
        ReadOnlySpan<T> detectionScores,
        ReadOnlySpan<bool> targetCrowds = default,
        ReadOnlySpan<T> targetAreas = default
    )
        where T : struct, IFloatingPointIeee754<T>
    {
        var (targets, detections) = (targetClasses.Length, detectionClasses.Length);
        CheckBoxes(targetBoxes, targets, nameof(targetBoxes));
        CheckBoxes(detectionBoxes, detections, nameof(detectionBoxes));
        CheckClasses(targetClasses, nameof(targetClasses));
        CheckClasses(detectionClasses, nameof(detectionClasses));
        CheckCount(detectionScores.Length, detections, "detections", nameof(detectionScores));
        CheckFinite(detectionScores, nameof(detectionScores));
        if (!targetCrowds.IsEmpty)
            CheckCount(targetCrowds.Length, targets, "targets", nameof(targetCrowds));
        if (!targetAreas.IsEmpty)
            CheckCount(targetAreas.Length, targets, "targets", nameof(targetAreas));
        CheckFinite(targetAreas, nameof(targetAreas));
        var present = new HashSet<int>();
        foreach (var one in targetClasses)
            present.Add(one);
        foreach (var one in detectionClasses)
            present.Add(one);
        foreach (var one in present)
        {
            var (boxes, areas, crowds) = (new List<double>(), new List<double>(), new List<bool>());
            for (var i = 0; i < targets; i++)
            {
                if (targetClasses[i] != one)
                    continue;
                var box = Append(boxes, targetBoxes, i);
                areas.Add(targetAreas.IsEmpty ? BoxSpans.Area<double>(box) : double.CreateChecked(targetAreas[i]));
                crowds.Add(!targetCrowds.IsEmpty && targetCrowds[i]);
            }
            var (found, scores) = (new List<double>(), new List<double>());
            for (var i = 0; i < detections; i++)
            {
                if (detectionClasses[i] != one)
                    continue;
                Append(found, detectionBoxes, i);
                scores.Add(double.CreateChecked(detectionScores[i]));
            }
            classes[one].Add(Span(boxes), Span(areas), Span(crowds), Span(found), Span(scores));
        }
        ImageCount++;
    }

    /// <summary>The figures of the images added so far.</summary>
    public ObjectDetectionMetrics Metrics() =>
        new(ImageCount, [.. names.Zip(classes, (name, one) => new ObjectDetectionClassMetrics(name, one))]);

    /// <summary>One more class, behind the others.</summary>
    internal int AddClass(string name)
    {
        names.Add(name);
        classes.Add(new());
        return names.Count - 1;
    }

    private static ReadOnlySpan<TItem> Span<TItem>(List<TItem> list) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(list);

    private static double[] Append<T>(List<double> to, ReadOnlySpan<T> boxes, int index)
        where T : struct, IFloatingPointIeee754<T>
    {
        var box = new double[4];
        for (var k = 0; k < 4; k++)
            box[k] = double.CreateChecked(boxes[4 * index + k]);
        to.AddRange(box);
        return box;
    }

    private static void CheckBoxes<T>(ReadOnlySpan<T> boxes, int count, string name)
        where T : struct, IFloatingPointIeee754<T>
    {
        if (boxes.Length != 4L * count)
            throw new ArgumentException(
                $"{name} hold {boxes.Length} numbers for {count} classes; x0, y0, x1, y1 of each are needed: {4L * count} numbers.",
                name
            );
        BoxSpans.Count(boxes, name);
    }

    private void CheckClasses(ReadOnlySpan<int> indices, string name)
    {
        foreach (var index in indices)
            if ((uint)index >= (uint)classes.Count)
                throw new ArgumentException($"{name} hold {index}; they must be class indices in [0, {classes.Count - 1}].", name);
    }

    private static void CheckCount(int length, int count, string of, string name)
    {
        if (length != count)
            throw new ArgumentException($"There are {count} {of} and {length} {name}.", name);
    }

    private static void CheckFinite<T>(ReadOnlySpan<T> numbers, string name)
        where T : struct, IFloatingPointIeee754<T>
    {
        foreach (var number in numbers)
            if (!T.IsFinite(number))
                throw new ArgumentException($"{name} hold {number}; they must be finite.", name);
    }
}
