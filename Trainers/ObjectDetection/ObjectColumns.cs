using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using Options = MLNetLosses.ObjectDetectionTrainer.Options;

namespace MLNetLosses;

/// <summary>The objects of a row as they stand in the data.</summary>
/// <param name="Labels">Class of each object, from 0; -1: missing.</param>
/// <param name="Boxes">x0, y0, x1, y1 each.</param>
/// <param name="Ignored">Whether each is not learned; empty: none.</param>
internal readonly record struct RowObjects(int[] Labels, float[] Boxes, bool[] Ignored);

/// <summary>The columns that say what is to be seen in an image: keys, boxes and, if there is one, flags; one entry an object.</summary>
internal sealed class ObjectColumns
{
    private const string LabelType = "Vector<Key<UInt32>> (put mlContext.Transforms.Conversion.MapValueToKey(\"{0}\") before this)";
    private const string BoxType = "Vector<Single>: x0, y0, x1, y1 of each object";
    private const string FlagType = "Vector<Boolean>: one an object";

    private readonly DataViewSchema.Column label;
    private readonly DataViewSchema.Column boxes;
    private readonly DataViewSchema.Column? flags;

    private ObjectColumns(
        DataViewSchema.Column label,
        DataViewSchema.Column boxes,
        DataViewSchema.Column? flags,
        int classCount,
        KeyValues? values
    )
    {
        (this.label, this.boxes, this.flags) = (label, boxes, flags);
        (ClassCount, Values) = (classCount, values);
    }

    public int ClassCount { get; }

    /// <summary>What the keys stand for; null where the data do not say.</summary>
    public KeyValues? Values { get; }

    /// <summary>Names of the classes, or their numbers.</summary>
    public IReadOnlyList<string> Names => DetectionModel.NamesOf(Values, ClassCount);

    public IEnumerable<DataViewSchema.Column> All => flags is { } column ? [label, boxes, column] : [label, boxes];

    /// <summary>Finds the columns.</summary>
    /// <exception cref="ArgumentException">One is missing or of another type.</exception>
    public static ObjectColumns Find(DataViewSchema schema, Options options, IExceptionContext environment)
    {
        var label = Named(schema, options.LabelColumnName, nameof(options.LabelColumnName), environment);
        if (
            label.Type is not VectorDataViewType { ItemType: KeyDataViewType { Count: > 0 and <= int.MaxValue } key }
            || key.RawType != typeof(uint)
        )
            throw Mismatch(environment, "schema", "label", label.Name, LabelType, label.Type.ToString()!);
        var boxes = Named(schema, options.BoundingBoxColumnName, nameof(options.BoundingBoxColumnName), environment);
        if ((boxes.Type as VectorDataViewType)?.ItemType != NumberDataViewType.Single)
            throw Mismatch(environment, "schema", "bounding box", boxes.Name, BoxType, boxes.Type.ToString()!);
        DataViewSchema.Column? flags = null;
        if (options.IgnoredColumnName is { } name && IsWanted(name, schema.GetColumnOrNull(name) is not null))
        {
            flags = Named(schema, name, nameof(options.IgnoredColumnName), environment);
            if ((flags.Value.Type as VectorDataViewType)?.ItemType != BooleanDataViewType.Instance)
                throw Mismatch(environment, "schema", "flag", name, FlagType, flags.Value.Type.ToString()!);
        }
        return new(label, boxes, flags, (int)key.Count, KeyValues.Of(label));
    }

    /// <summary>Checks the promises of the columns; gives that of the labels.</summary>
    /// <exception cref="ArgumentException">One is missing or of another type.</exception>
    public static SchemaShape.Column Check(SchemaShape shape, Options options, IExceptionContext environment)
    {
        var label = Named(shape, options.LabelColumnName, nameof(options.LabelColumnName), environment);
        if (!label.IsKey || label.Kind == SchemaShape.Column.VectorKind.Scalar)
            throw Mismatch(environment, "inputSchema", "label", label.Name, LabelType, label.TypeName());
        var boxes = Named(shape, options.BoundingBoxColumnName, nameof(options.BoundingBoxColumnName), environment);
        if (boxes.IsKey || boxes.Kind == SchemaShape.Column.VectorKind.Scalar || boxes.ItemType != NumberDataViewType.Single)
            throw Mismatch(environment, "inputSchema", "bounding box", boxes.Name, BoxType, boxes.TypeName());
        if (options.IgnoredColumnName is { } name && IsWanted(name, shape.TryFind(name, out _)))
        {
            var flags = Named(shape, name, nameof(options.IgnoredColumnName), environment);
            if (flags.IsKey || flags.Kind == SchemaShape.Column.VectorKind.Scalar || flags.ItemType != BooleanDataViewType.Instance)
                throw Mismatch(environment, "inputSchema", "flag", name, FlagType, flags.TypeName());
        }
        return label;
    }

    /// <summary>Makes what takes the objects of the current row, whatever they are.</summary>
    public Func<RowObjects> CreateReader(DataViewRow row)
    {
        var (keys, coordinates) = (row.GetGetter<VBuffer<uint>>(label), row.GetGetter<VBuffer<float>>(boxes));
        var ignored = flags is { } column ? row.GetGetter<VBuffer<bool>>(column) : null;
        VBuffer<uint> keyBuffer = default;
        VBuffer<float> boxBuffer = default;
        VBuffer<bool> flagBuffer = default;
        return () =>
        {
            keys(ref keyBuffer);
            coordinates(ref boxBuffer);
            ignored?.Invoke(ref flagBuffer);
            return new(
                [.. keyBuffer.DenseValues().Select(key => (int)key - 1)],
                [.. boxBuffer.DenseValues()],
                ignored is null ? [] : [.. flagBuffer.DenseValues()]
            );
        };
    }

    /// <summary>What is wrong with the numbers of labels, boxes and flags of a row; null: nothing.</summary>
    public string? CountProblem(RowObjects row) =>
        row.Boxes.Length != 4 * row.Labels.Length
            ? $"{Quantity.Of(row.Labels.Length, "label")} in the column '{label.Name}' and {Quantity.Of(row.Boxes.Length, "number")} in the column '{boxes.Name}': there must be 4 a label, x0 y0 x1 y1"
        : flags is { } column && row.Ignored.Length != row.Labels.Length
            ? $"{Quantity.Of(row.Labels.Length, "label")} in the column '{label.Name}' and {Quantity.Of(row.Ignored.Length, "flag")} in the column '{column.Name}': there must be one a label"
        : null;

    /// <summary>For each class of the label column, the one of other classes that it is, or -1: by name where both are named, else by number.</summary>
    /// <param name="values">Those classes; null where they have no names.</param>
    /// <param name="count">How many they are.</param>
    public int[] TranslateTo(KeyValues? values, int count)
    {
        if (Values is null || values is null)
            return [.. Enumerable.Range(0, ClassCount).Select(kind => kind < count ? kind : -1)];
        var places = values.Names.Select((name, place) => (name, place)).ToDictionary(pair => pair.name, pair => pair.place);
        return [.. Values.Names.Select(name => places.GetValueOrDefault(name, -1))];
    }

    // Data without the column of the default name have nothing to leave out; one that was asked for must be there.
    private static bool IsWanted(string flags, bool isThere) => isThere || flags != Options.DefaultIgnored;

    private static DataViewSchema.Column Named(DataViewSchema schema, string name, string option, IExceptionContext environment) =>
        schema.GetColumnOrNull(name) ?? throw Missing(name, option, schema.Select(column => column.Name), environment);

    private static SchemaShape.Column Named(SchemaShape shape, string name, string option, IExceptionContext environment) =>
        shape.TryFind(name, out var column) ? column : throw Missing(name, option, shape.Select(other => other.Name), environment);

    private static Exception Mismatch(
        IExceptionContext environment,
        string parameter,
        string role,
        string name,
        string expected,
        string actual
    ) =>
        Hosts.SchemaMismatch(
            environment,
            parameter,
            role,
            name,
            string.Format(System.Globalization.CultureInfo.InvariantCulture, expected, name),
            actual
        );

    private static ArgumentException Missing(string name, string option, IEnumerable<string> columns, IExceptionContext environment) =>
        environment.Process(
            new ArgumentException(
                $"There is no column '{name}'. The columns are {string.Join(", ", columns.Select(column => $"'{column}'"))}. Name one in {option}."
            )
        );
}
