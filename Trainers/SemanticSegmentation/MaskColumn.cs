using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Masks;

namespace MLNetLosses;

/// <summary>The column of masks: <see cref="SegmentationMask"/>s, or paths of pictures of class indices.</summary>
internal sealed class MaskColumn
{
    private const string Expected =
        "SegmentationMask (what mlContext.Data.LoadSegmentationFolder and mlContext.Transforms.LoadSegmentationMask give) or String (the path of a picture of class indices)";

    private MaskColumn(DataViewSchema.Column column) => Column = column;

    public DataViewSchema.Column Column { get; }

    /// <summary>The names of the classes where the column says them.</summary>
    public IReadOnlyList<string>? ClassNames => MaskClasses.Of(Column);

    /// <summary>Finds the column.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static MaskColumn Find(DataViewSchema schema, string name, IExceptionContext environment)
    {
        var column = schema.GetColumnOrNull(name) ?? throw Missing(name, schema.Select(c => c.Name), environment);
        return column.Type is SegmentationMaskDataViewType or TextDataViewType
            ? new(column)
            : throw Hosts.SchemaMismatch(environment, nameof(schema), "label", name, Expected, column.Type.ToString()!);
    }

    /// <summary>Checks the promise of a column.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static void Check(SchemaShape shape, string name, IExceptionContext environment)
    {
        if (!shape.TryFind(name, out var column))
            throw Missing(name, shape.Select(c => c.Name), environment);
        if (
            column.IsKey
            || column.Kind != SchemaShape.Column.VectorKind.Scalar
            || column.ItemType is not (SegmentationMaskDataViewType or TextDataViewType)
        )
            throw Hosts.SchemaMismatch(environment, "inputSchema", "label", name, Expected, column.TypeName());
    }

    /// <summary>Makes what takes the mask of the current row, or its path.</summary>
    public Func<(SegmentationMask? Mask, string? Path)> CreateReader(DataViewRow row)
    {
        if (Column.Type is TextDataViewType)
        {
            var path = row.GetGetter<ReadOnlyMemory<char>>(Column);
            return () =>
            {
                ReadOnlyMemory<char> value = default;
                path(ref value);
                return (null, value.ToString());
            };
        }
        var mask = row.GetGetter<SegmentationMask>(Column);
        return () =>
        {
            SegmentationMask value = null!;
            mask(ref value);
            return (value, null);
        };
    }

    private static ArgumentException Missing(string name, IEnumerable<string> columns, IExceptionContext environment) =>
        environment.Process(
            new ArgumentException(
                $"There is no column '{name}' of masks. The columns are {string.Join(", ", columns.Select(c => $"'{c}'"))}. Name one in LabelColumnName."
            )
        );
}
