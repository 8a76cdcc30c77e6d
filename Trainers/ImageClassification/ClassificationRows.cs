using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>Labelled images read from data: what an <see cref="ImageLoader"/> is made of.</summary>
internal sealed class ClassificationRows : IDisposable
{
    private const int RowsBetweenChecks = 256;

    private ClassificationRows(ImagePreprocessing preprocessing, long memoryBudget) => Images = new(preprocessing, memoryBudget);

    public ImageStore Images { get; }

    /// <summary>Class of each row, from 0.</summary>
    public List<int> Labels { get; } = [];

    /// <summary>Weight of each row from the weight column; empty when there is none.</summary>
    public List<float> Weights { get; } = [];

    /// <summary>What the column of class weights says of each row; empty when there is none.</summary>
    public List<float> ClassWeights { get; } = [];

    /// <summary>Rows that were left out because they have no label.</summary>
    public int Unlabelled { get; private set; }

    /// <summary>Where things stand in the data.</summary>
    /// <param name="Image">Images.</param>
    /// <param name="Label">Labels.</param>
    /// <param name="Weight">Weights of rows, or null.</param>
    /// <param name="ClassWeight">Weights of classes, or null.</param>
    public sealed record Columns(ImageColumn Image, LabelColumn Label, NumberColumn? Weight = null, NumberColumn? ClassWeight = null)
    {
        public IEnumerable<DataViewSchema.Column> All =>
            new[] { Image.Column, Label.Column }.Concat(new[] { Weight, ClassWeight }.OfType<NumberColumn>().Select(c => c.Column));
    }

    /// <summary>Reads rows.</summary>
    /// <param name="data">The data.</param>
    /// <param name="columns">Their columns.</param>
    /// <param name="translation">The class of each class of the label column, -1 for one that is not known.</param>
    /// <param name="take">Whether a labelled row, counted from 0, is taken.</param>
    /// <param name="preprocessing">How images are decoded.</param>
    /// <param name="memoryBudget">Bytes of decoded images that may be kept.</param>
    /// <param name="check">Called every few rows; throws to stop.</param>
    /// <exception cref="ArgumentException">A weight is no finite number of at least 0, or a class is not known.</exception>
    public static ClassificationRows Read(
        IDataView data,
        Columns columns,
        int[] translation,
        Func<int, bool> take,
        ImagePreprocessing preprocessing,
        long memoryBudget,
        Action check
    )
    {
        var rows = new ClassificationRows(preprocessing, memoryBudget);
        try
        {
            rows.ReadAll(data, columns, translation, take, check);
            return rows;
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    /// <summary>The class of each labelled row, without looking at images.</summary>
    public static List<int> ReadLabels(IDataView data, LabelColumn column, Action check)
    {
        var labels = new List<int>();
        using var cursor = data.GetRowCursor([column.Column]);
        var label = column.CreateReader(cursor);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                check();
            if (label() is >= 0 and var found)
                labels.Add(found);
        }
        return labels;
    }

    public void Dispose() => Images.Dispose();

    private void ReadAll(IDataView data, Columns columns, int[] translation, Func<int, bool> take, Action check)
    {
        using var cursor = data.GetRowCursor(columns.All.DistinctBy(column => column.Index));
        var image = columns.Image.CreateReader(cursor);
        var label = columns.Label.CreateReader(cursor);
        var weight = columns.Weight?.CreateReader(cursor);
        var classWeight = columns.ClassWeight?.CreateReader(cursor);
        for (var labelled = 0; cursor.MoveNext(); )
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                check();
            if (label() is not (>= 0 and var found))
            {
                Unlabelled++;
                continue;
            }
            if (!take(labelled++))
                continue;
            if (translation[found] < 0)
                throw new ArgumentException(
                    $"Row {cursor.Position} of the validation set has the class '{columns.Label.Names[found]}', which the training data do not have. Map labels of both sets with one transformer: fit MapValueToKey on the training data and transform both."
                );
            Labels.Add(translation[found]);
            if (weight is not null)
                Weights.Add(weight());
            if (classWeight is not null)
                ClassWeights.Add(classWeight());
            using var content = image();
            content.AddTo(Images);
        }
    }
}
