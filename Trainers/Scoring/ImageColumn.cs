using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using MLNetLosses.Data;
using MLNetLosses.Interop;

namespace MLNetLosses.Scoring;

/// <summary>A column that holds images: as <see cref="MLImage"/>, as the bytes of a file, or as the path of one.</summary>
internal sealed class ImageColumn
{
    private enum Form
    {
        Image,
        Encoded,
        Path,
    }

    private readonly Form form;

    private ImageColumn(DataViewSchema.Column column, Form form) => (Column, this.form) = (column, form);

    public DataViewSchema.Column Column { get; }

    /// <summary>What messages call the types that are taken.</summary>
    private const string Expected = "Image (MLImage), Vector<Byte> (the bytes of an image file) or String (the path of an image file)";

    /// <summary>Finds the column and its form.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static ImageColumn Find(DataViewSchema schema, string name, IExceptionContext environment)
    {
        var column = schema.GetColumnOrNull(name) ?? throw Missing(name, schema.Select(c => c.Name), environment);
        return FormOf(column.Type, (column.Type as VectorDataViewType)?.ItemType) is { } form
            ? new(column, form)
            : throw Hosts.SchemaMismatch(environment, nameof(schema), "image", name, Expected, column.Type.ToString()!);
    }

    /// <summary>Checks the promise of a column.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static void Check(SchemaShape shape, string name, IExceptionContext environment)
    {
        if (!shape.TryFind(name, out var column))
            throw Missing(name, shape.Select(c => c.Name), environment);
        var isScalar = column.Kind == SchemaShape.Column.VectorKind.Scalar;
        if (column.IsKey || FormOf(isScalar ? column.ItemType : null, isScalar ? null : column.ItemType) is null)
            throw Hosts.SchemaMismatch(environment, "inputSchema", "image", name, Expected, column.TypeName());
    }

    /// <summary>Makes what takes the image of the current row. An <see cref="MLImage"/> that it gives belongs to the caller.</summary>
    public Func<RowImage> CreateReader(DataViewRow row)
    {
        switch (form)
        {
            case Form.Image:
                var image = row.GetGetter<MLImage>(Column);
                return () =>
                {
                    MLImage? value = null;
                    image(ref value!);
                    return new RowImage(row.Position, Image: value);
                };
            case Form.Encoded:
                var bytes = row.GetGetter<VBuffer<byte>>(Column);
                return () =>
                {
                    VBuffer<byte> value = default;
                    bytes(ref value);
                    return new RowImage(row.Position, Encoded: value.IsDense ? value.GetValues().ToArray() : [.. value.DenseValues()]);
                };
            default:
                var path = row.GetGetter<ReadOnlyMemory<char>>(Column);
                return () =>
                {
                    ReadOnlyMemory<char> value = default;
                    path(ref value);
                    return new RowImage(row.Position, Path: value.ToString());
                };
        }
    }

    private static Form? FormOf(DataViewType? scalar, DataViewType? item) =>
        scalar is ImageDataViewType ? Form.Image
        : scalar is TextDataViewType ? Form.Path
        : item?.RawType == typeof(byte) && item is NumberDataViewType ? Form.Encoded
        : null;

    private static ArgumentException Missing(string name, IEnumerable<string> columns, IExceptionContext environment) =>
        environment.Process(
            new ArgumentException(
                $"There is no column '{name}' of images. The columns are {string.Join(", ", columns.Select(c => $"'{c}'"))}. Name one in ImageColumnName (FeatureColumnName)."
            )
        );
}
