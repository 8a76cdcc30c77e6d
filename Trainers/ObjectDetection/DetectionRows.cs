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
    /// <param name="Rules">Labels, boxes and flags, and what they must be.</param>
    public sealed record Source(ImageColumn Image, ObjectRules Rules);

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
        using var cursor = data.GetRowCursor(source.Rules.Columns.All.Append(source.Image.Column).DistinctBy(column => column.Index));
        var image = source.Image.CreateReader(cursor);
        var read = source.Rules.Columns.CreateReader(cursor);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                check();
            if (!take(cursor.Position))
                continue;
            using var content = image();
            rows.objects.Add(source.Rules.Check(read(), cursor.Position, content.Path, out var leftOut));
            rows.InvalidBoxes += leftOut;
            images.Add(content);
        }
        return rows;
    }

    /// <summary>A small PNG of a row with its objects; null for one that is not there or cannot be read.</summary>
    public byte[]? Picture(long row) => Images.Picture(row, position => objects[position]);

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
}
