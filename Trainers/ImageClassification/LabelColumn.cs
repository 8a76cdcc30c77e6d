using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;

namespace MLNetLosses;

/// <summary>The column of classes: keys, whose values, where they have any, are the names of the classes.</summary>
internal sealed class LabelColumn
{
    private LabelColumn(DataViewSchema.Column column, int classCount, KeyValues? values) =>
        (Column, ClassCount, Values) = (column, classCount, values);

    public DataViewSchema.Column Column { get; }

    public int ClassCount { get; }

    /// <summary>What the keys stand for; null where the data do not say.</summary>
    public KeyValues? Values { get; }

    /// <summary>Names of the classes, or their numbers.</summary>
    public IReadOnlyList<string> Names =>
        Values?.Names ?? [.. Enumerable.Range(0, ClassCount).Select(i => i.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Finds the column.</summary>
    /// <exception cref="ArgumentException">There is no such column, it is no key, or it has fewer than two classes.</exception>
    public static LabelColumn Find(DataViewSchema schema, string name, IExceptionContext environment)
    {
        var column = schema.GetColumnOrNull(name) ?? throw Missing(name, schema.Select(c => c.Name), environment);
        if (column.Type is not KeyDataViewType key)
            throw Mismatch(nameof(schema), name, column.Type.ToString()!, environment);
        if (key.Count is < 2 or > int.MaxValue)
            throw environment.Process(
                new ArgumentException(
                    $"The label column '{name}' has {key.Count} class{(key.Count == 1 ? "" : "es")}; at least 2 are needed to tell images apart. Check that the data hold rows of every class."
                )
            );
        return new(column, (int)key.Count, KeyValues.Of(column));
    }

    /// <summary>Checks the promise of the column.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it is no key.</exception>
    public static SchemaShape.Column Check(SchemaShape shape, string name, IExceptionContext environment)
    {
        if (!shape.TryFind(name, out var column))
            throw Missing(name, shape.Select(c => c.Name), environment);
        return column is { IsKey: true, Kind: SchemaShape.Column.VectorKind.Scalar }
            ? column
            : throw Mismatch("inputSchema", name, column.TypeName(), environment);
    }

    /// <summary>Makes what takes the class of the current row, from 0, or -1 where the row has none. Keys of any width.</summary>
    public Func<int> CreateReader(DataViewRow row)
    {
        if (Column.Type.RawType == typeof(uint))
            return Reader<uint>(row, key => (int)key - 1);
        if (Column.Type.RawType == typeof(byte))
            return Reader<byte>(row, key => key - 1);
        if (Column.Type.RawType == typeof(ushort))
            return Reader<ushort>(row, key => key - 1);
        return Reader<ulong>(row, key => (int)key - 1);
    }

    /// <summary>
    /// For each class of another column of the same meaning, the class here: by name where both name their classes, else by number.
    /// </summary>
    /// <exception cref="ArgumentException">The other column has a class that this one lacks.</exception>
    public int[] Translate(LabelColumn other, string what)
    {
        if (Values is null || other.Values is null)
            return other.ClassCount <= ClassCount
                ? [.. Enumerable.Range(0, other.ClassCount)]
                : throw new ArgumentException($"{what} has {other.ClassCount} classes, the training data {ClassCount}.");
        var places = Values.Names.Select((name, place) => (name, place)).ToDictionary(p => p.name, p => p.place);
        return [.. other.Values.Names.Select(name => places.GetValueOrDefault(name, -1))];
    }

    private Func<int> Reader<T>(DataViewRow row, Func<T, int> classOf)
    {
        var getter = row.GetGetter<T>(Column);
        return () =>
        {
            T key = default!;
            getter(ref key);
            return classOf(key);
        };
    }

    private static Exception Mismatch(string parameter, string name, string actual, IExceptionContext environment) =>
        Hosts.SchemaMismatch(
            environment,
            parameter,
            "label",
            name,
            $"Key (put mlContext.Transforms.Conversion.MapValueToKey(\"{name}\") before this trainer)",
            actual
        );

    private static ArgumentException Missing(string name, IEnumerable<string> columns, IExceptionContext environment) =>
        environment.Process(
            new ArgumentException(
                $"There is no label column '{name}'. The columns are {string.Join(", ", columns.Select(c => $"'{c}'"))}. Name one in LabelColumnName."
            )
        );
}
