using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;

namespace MLNetLosses;

/// <summary>A column with the classes of any number of objects a row: a vector of keys, or of text.</summary>
internal sealed class ClassVectorColumn
{
    private const string Expected = "Vector<Key<UInt32>> or Vector<String>: the class of each object";

    private readonly string[]? names;

    private ClassVectorColumn(DataViewSchema.Column column, string[]? names) => (Column, this.names) = (column, names);

    public DataViewSchema.Column Column { get; }

    /// <summary>The names of the keys; null for a column of text. Keys that do not say what they stand for are named by their numbers.</summary>
    public IReadOnlyList<string>? Names => names;

    /// <summary>Finds the column.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static ClassVectorColumn Find(DataViewSchema schema, string name, string role, IExceptionContext environment)
    {
        var column = VectorColumns.Find(schema, name, role, environment);
        return column.Type switch
        {
            VectorDataViewType { ItemType: TextDataViewType } => new(column, null),
            VectorDataViewType { ItemType: KeyDataViewType key } when key.RawType == typeof(uint) => new(column, NamesOf(column, key)),
            _ => throw Hosts.SchemaMismatch(environment, nameof(schema), role, name, Expected, column.Type.ToString()!),
        };
    }

    /// <summary>Makes what takes the class names of the current row; null stands for a missing key.</summary>
    public Func<IReadOnlyList<string?>> CreateReader(DataViewRow row)
    {
        if (names is null)
        {
            var text = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(Column);
            return () =>
            {
                VBuffer<ReadOnlyMemory<char>> values = default;
                text(ref values);
                return [.. values.DenseValues().Select(value => value.ToString())];
            };
        }
        var keys = row.GetGetter<VBuffer<uint>>(Column);
        return () =>
        {
            VBuffer<uint> values = default;
            keys(ref values);
            return [.. values.DenseValues().Select(key => key == 0 ? null : names[key - 1])];
        };
    }

    private static string[] NamesOf(DataViewSchema.Column column, KeyDataViewType key)
    {
        const string kind = "KeyValues";
        if (column.Annotations.Schema.GetColumnOrNull(kind)?.Type is VectorDataViewType { ItemType: TextDataViewType })
        {
            VBuffer<ReadOnlyMemory<char>> values = default;
            column.Annotations.GetValue(kind, ref values);
            if ((ulong)values.Length == key.Count)
                return [.. values.DenseValues().Select(value => value.ToString())];
        }
        return [.. Enumerable.Range(1, (int)key.Count).Select(number => $"{number}")];
    }
}

/// <summary>Columns of vectors.</summary>
internal static class VectorColumns
{
    /// <summary>Finds a column by name.</summary>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    public static DataViewSchema.Column Find(DataViewSchema schema, string name, string role, IExceptionContext environment) =>
        schema.GetColumnOrNull(name)
        ?? throw environment.Process(
            new ArgumentException(
                $"There is no column '{name}' ({role}). The columns are {string.Join(", ", schema.Select(column => $"'{column.Name}'"))}."
            )
        );

    /// <summary>Finds a column of vectors whose items are of a type.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is of another type.</exception>
    public static DataViewSchema.Column Find<T>(DataViewSchema schema, string name, string role, IExceptionContext environment)
    {
        var column = Find(schema, name, role, environment);
        return column.Type is VectorDataViewType vector && vector.ItemType.RawType == typeof(T) && vector.ItemType is not KeyDataViewType
            ? column
            : throw Hosts.SchemaMismatch(environment, nameof(schema), role, name, $"Vector<{typeof(T).Name}>", column.Type.ToString()!);
    }

    /// <summary>Makes what takes the vector of the current row, as an array of its own.</summary>
    public static Func<T[]> CreateReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        return () =>
        {
            VBuffer<T> values = default;
            getter(ref values);
            return [.. values.DenseValues()];
        };
    }
}
