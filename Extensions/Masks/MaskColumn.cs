using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;

namespace MLNetLosses.Masks;

/// <summary>A column that holds masks: as <see cref="SegmentationMask"/>, or as the path of a file of class indices.</summary>
internal sealed class MaskColumn
{
    private const string Expected =
        "SegmentationMask (what mlContext.Data.LoadSegmentationFolder and mlContext.Transforms.LoadSegmentationMask give) or String (the path of a picture of class indices)";
    private readonly bool isPath;

    private MaskColumn(DataViewSchema.Column column, bool isPath) => (Column, this.isPath) = (column, isPath);

    public DataViewSchema.Column Column { get; }

    /// <summary>The names of the classes, or null.</summary>
    public string[]? ClassNames => MaskClasses.Of(Column);

    /// <summary>The class index that does not count, or null.</summary>
    public int? IgnoreIndex => MaskClasses.IgnoredOf(Column);

    /// <summary>Finds the column.</summary>
    /// <param name="schema">The columns.</param>
    /// <param name="name">The name.</param>
    /// <param name="role">What messages call it, such as "true masks".</param>
    /// <param name="environment">The context.</param>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static MaskColumn Find(DataViewSchema schema, string name, string role, IExceptionContext environment)
    {
        var column = schema.GetColumnOrNull(name) ?? throw Missing(name, role, schema.Select(c => c.Name), environment);
        return column.Type switch
        {
            SegmentationMaskDataViewType => new(column, false),
            TextDataViewType => new(column, true),
            var type => throw Hosts.SchemaMismatch(environment, nameof(schema), role, name, Expected, type.ToString()!),
        };
    }

    /// <summary>Checks the promise of a column.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static void Check(SchemaShape shape, string name, string role, IExceptionContext environment)
    {
        if (!shape.TryFind(name, out var column))
            throw Missing(name, role, shape.Select(c => c.Name), environment);
        if (
            column.IsKey
            || column.Kind != SchemaShape.Column.VectorKind.Scalar
            || column.ItemType is not (SegmentationMaskDataViewType or TextDataViewType)
        )
            throw Hosts.SchemaMismatch(environment, "inputSchema", role, name, Expected, column.TypeName());
    }

    /// <summary>Makes what takes the mask of the current row, read from its file where it is a path; null where the row has none.</summary>
    public Func<SegmentationMask?> CreateReader(DataViewRow row)
    {
        var read = CreateSourceReader(row);
        var format = MaskFormat.Indices();
        return () => read() is var (mask, path) && string.IsNullOrEmpty(path) ? mask : format.Read(path!);
    }

    /// <summary>Makes what takes the mask of the current row, or its path, which is for the caller to read.</summary>
    public Func<(SegmentationMask? Mask, string? Path)> CreateSourceReader(DataViewRow row)
    {
        if (isPath)
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

    private static ArgumentException Missing(string name, string role, IEnumerable<string> columns, IExceptionContext environment) =>
        environment.Process(
            new ArgumentException(
                $"There is no column '{name}' of {role}. The columns are {string.Join(", ", columns.Select(c => $"'{c}'"))}."
            )
        );
}
