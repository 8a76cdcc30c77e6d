using Microsoft.ML;
using MLNetLosses.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>Images with their objects, read from data.</summary>
internal sealed class DetectionRows : IDisposable
{
    private const int RowsBetweenChecks = 256;
    private readonly List<RowObjects> objects = [];

    private DetectionRows(SizedImageStore images) => Images = images;

    public SizedImageStore Images { get; }

    /// <summary>Objects that were left out because their boxes cannot be used.</summary>
    public int InvalidBoxes { get; private set; }

    /// <summary>Objects of each row, in pixels of the image.</summary>
    public IReadOnlyList<RowObjects> Objects => objects;

    /// <summary>How rows are read.</summary>
    /// <param name="Image">Images.</param>
    /// <param name="Objects">Labels, boxes and flags.</param>
    /// <param name="Translation">The class of each class of the label column, -1 for one that is not known.</param>
    /// <param name="SkipInvalidBoxes">Whether boxes that cannot be used are left out.</param>
    public sealed record Source(ImageColumn Image, ObjectColumns Objects, int[] Translation, bool SkipInvalidBoxes);

    /// <summary>Reads rows.</summary>
    /// <param name="data">The data.</param>
    /// <param name="source">Their columns.</param>
    /// <param name="take">Whether a row is taken.</param>
    /// <param name="images">Takes the images.</param>
    /// <param name="check">Called every few rows; throws to stop.</param>
    /// <exception cref="ArgumentException">A box, a label or a count is wrong; names row, object and value.</exception>
    public static DetectionRows Read(IDataView data, Source source, Func<long, bool> take, SizedImageStore images, Action check)
    {
        var rows = new DetectionRows(images);
        using var cursor = data.GetRowCursor(source.Objects.All.Append(source.Image.Column).DistinctBy(column => column.Index));
        var image = source.Image.CreateReader(cursor);
        var read = source.Objects.CreateReader(cursor);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                check();
            if (!take(cursor.Position))
                continue;
            rows.objects.Add(rows.Checked(read(), source, cursor.Position));
            using var content = image();
            images.Add(content);
        }
        return rows;
    }

    /// <summary>The class of the first object of each row, -1 where there is none, without looking at images.</summary>
    public static List<int> ReadFirstLabels(IDataView data, ObjectColumns columns, Action check)
    {
        var labels = new List<int>();
        using var cursor = data.GetRowCursor(columns.All);
        var read = columns.CreateReader(cursor);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                check();
            labels.Add(read().Labels is [var first, ..] ? first : -1);
        }
        return labels;
    }

    public void Dispose() => Images.Dispose();

    private RowObjects Checked(RowObjects row, Source source, long position)
    {
        var kept = new List<int>(row.Labels.Length);
        for (var i = 0; i < row.Labels.Length; i++)
        {
            if (row.Labels[i] < 0)
                throw new ArgumentException(
                    $"Object {i} of row {position} has no label: its key is 0. MapValueToKey gives that to values that it was not fitted on."
                );
            if (source.Translation[row.Labels[i]] < 0)
                throw new ArgumentException(
                    $"Object {i} of row {position} of the validation set has the class '{source.Objects.Names[row.Labels[i]]}', which the training data do not have. Map labels of both sets with one transformer: fit MapValueToKey on the training data and transform both."
                );
            var box = row.Boxes.AsSpan(4 * i, 4);
            if (BoxProblem(box) is not { } problem)
                kept.Add(i);
            else if (source.SkipInvalidBoxes)
                InvalidBoxes++;
            else
                throw Invalid(position, i, box, problem);
        }
        return new(
            [.. kept.Select(i => source.Translation[row.Labels[i]])],
            [.. kept.SelectMany(i => row.Boxes.Skip(4 * i).Take(4))],
            row.Ignored.Length == 0 ? [] : [.. kept.Select(i => row.Ignored[i])]
        );
    }

    private static string? BoxProblem(ReadOnlySpan<float> box)
    {
        foreach (var number in box)
            if (!float.IsFinite(number))
                return $"the coordinate {number} is no finite number";
        if (!(box[2] > box[0]))
            return $"x1 ({box[2]}) must be above x0 ({box[0]})";
        return box[3] > box[1] ? null : $"y1 ({box[3]}) must be above y0 ({box[1]})";
    }

    /// <summary>An error about a box.</summary>
    public static ArgumentException Invalid(long row, int place, ReadOnlySpan<float> box, string problem) =>
        new(
            FormattableString.Invariant(
                $"The box of object {place} of row {row} is [{box[0]}, {box[1]}, {box[2]}, {box[3]}]: {problem}. Boxes are x0, y0, x1, y1 in pixels of the image. Mend the data, or set SkipInvalidBoxes to leave such objects out."
            )
        );
}
