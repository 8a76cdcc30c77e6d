using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>What objects of rows must be: each of a class that is known, each box with an area.</summary>
/// <param name="Columns">Where they stand.</param>
/// <param name="Translation">The class of each class of the label column, -1 for one that is not known.</param>
/// <param name="SkipInvalidBoxes">Whether objects whose boxes cannot be used are left out.</param>
/// <param name="Stranger">What an error says of a class that is not known, after its name.</param>
internal sealed record ObjectRules(ObjectColumns Columns, int[] Translation, bool SkipInvalidBoxes, string Stranger)
{
    /// <summary>The objects of a row that can be used, with the classes that they are translated to.</summary>
    /// <param name="row">The objects as they stand in the data.</param>
    /// <param name="position">The row, for messages.</param>
    /// <param name="file">The file of its image, for messages; null: it has none.</param>
    /// <param name="leftOut">How many were left out.</param>
    /// <exception cref="ArgumentException">A box, a label or a count is wrong; names row, file, object and value.</exception>
    public RowObjects Check(RowObjects row, long position, string? file, out int leftOut)
    {
        if (Columns.CountProblem(row) is { } miscounted)
            throw new ArgumentException($"Row {Place(position, file)} has {miscounted}.");
        var kept = new List<int>(row.Labels.Length);
        for (var i = 0; i < row.Labels.Length; i++)
        {
            if (row.Labels[i] < 0)
                throw new ArgumentException(
                    $"Object {i} of row {Place(position, file)} has no label: its key is 0. MapValueToKey gives that to values that it was not fitted on."
                );
            if (Translation[row.Labels[i]] < 0)
                throw new ArgumentException(
                    $"Object {i} of row {Place(position, file)} has the class '{Columns.Names[row.Labels[i]]}', {Stranger}"
                );
            var box = row.Boxes.AsSpan(4 * i, 4);
            if (BoxProblem(box) is not { } problem)
                kept.Add(i);
            else if (!SkipInvalidBoxes)
                throw Invalid(position, file, i, box, problem);
        }
        leftOut = row.Labels.Length - kept.Count;
        return new(
            [.. kept.Select(i => Translation[row.Labels[i]])],
            [.. kept.SelectMany(i => row.Boxes.Skip(4 * i).Take(4))],
            row.Ignored.Length == 0 ? [] : [.. kept.Select(i => row.Ignored[i])]
        );
    }

    /// <summary>An error about a box.</summary>
    private static ArgumentException Invalid(long row, string? file, int place, ReadOnlySpan<float> box, string problem) =>
        new(
            FormattableString.Invariant(
                $"The box of object {place} of row {Place(row, file)} is [{box[0]}, {box[1]}, {box[2]}, {box[3]}]: {problem}. Boxes are x0, y0, x1, y1 in pixels of the image. Mend the data, or set SkipInvalidBoxes to leave such objects out."
            )
        );

    /// <summary>An error about a box outside its image.</summary>
    public static ArgumentException Outside(long row, string? file, int place, ReadOnlySpan<float> box, SizedImage image) =>
        Invalid(row, file, place, box, $"it lies outside the image, which has {image.SourceWidth} x {image.SourceHeight} pixels");

    private static string Place(long row, string? file) => string.IsNullOrEmpty(file) ? $"{row}" : $"{row} ('{file}')";

    private static string? BoxProblem(ReadOnlySpan<float> box)
    {
        foreach (var number in box)
            if (!float.IsFinite(number))
                return $"the coordinate {number} is no finite number";
        if (!(box[2] > box[0]))
            return $"x1 ({box[2]}) must be above x0 ({box[0]})";
        return box[3] > box[1] ? null : $"y1 ({box[3]}) must be above y0 ({box[1]})";
    }
}
