using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>A schema and columns behind it. A column of the same name is hidden by the new one, as everywhere in ML.NET.</summary>
internal sealed class AppendedSchema
{
    public AppendedSchema(DataViewSchema input, IReadOnlyList<DataViewSchema.DetachedColumn> added)
    {
        Input = input;
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        builder.AddColumns(added);
        Output = builder.ToSchema();
    }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>The number of an added column, or -1 for a column that was there before.</summary>
    public int AddedIndex(DataViewSchema.Column column) => Math.Max(column.Index - Input.Count, -1);

    /// <summary>Of the columns of the output, those that were there before, as columns of the input.</summary>
    public IEnumerable<DataViewSchema.Column> PassedThrough(IEnumerable<DataViewSchema.Column> columns) =>
        columns.Where(column => AddedIndex(column) < 0).Select(column => Input[column.Index]);
}
