using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Interop;

namespace MLNetLosses.Masks;

/// <summary>What a column of masks knows, kept in annotations: the names of its classes, and which class index does not count.</summary>
internal static class MaskClasses
{
    public const string Kind = "ClassNames";

    /// <summary>The annotation of the class index that does not count.</summary>
    public const string IgnoredKind = "IgnoreIndex";

    /// <summary>The name of class 0 where classes are painted on nothing.</summary>
    public const string Background = "background";

    /// <summary>The names, or null where the column has none.</summary>
    public static string[]? Of(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(Kind) is not { Type: VectorDataViewType { ItemType: TextDataViewType } })
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.Annotations.GetValue(Kind, ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    /// <summary>The class index that does not count, or null where the column names none.</summary>
    public static int? IgnoredOf(DataViewSchema.Column column)
    {
        if (
            column.Annotations.Schema.GetColumnOrNull(IgnoredKind) is not { Type: NumberDataViewType { RawType: var type } }
            || type != typeof(int)
        )
            return null;
        var index = 0;
        column.Annotations.GetValue(IgnoredKind, ref index);
        return index;
    }

    /// <summary>Annotations of the names, and of the index that does not count where there is one; none without names.</summary>
    public static DataViewSchema.Annotations? Annotations(IReadOnlyList<string>? names, int? ignoreIndex = null)
    {
        if (names is null or [])
            return null;
        var builder = new DataViewSchema.Annotations.Builder();
        var value = Buffer(names);
        if (ignoreIndex is { } ignored)
            builder.Add(IgnoredKind, NumberDataViewType.Int32, (ref int target) => target = ignored);
        builder.Add(
            Kind,
            new VectorDataViewType(TextDataViewType.Instance, names.Count),
            (ref VBuffer<ReadOnlyMemory<char>> target) => value.CopyTo(ref target)
        );
        return builder.ToAnnotations();
    }

    /// <summary>A column that knows the names.</summary>
    public static DataViewSchema.DetachedColumn Column(string name, DataViewType type, IReadOnlyList<string>? names) =>
        new(name, type, Annotations(names));

    /// <summary>The promise of the annotation.</summary>
    public static SchemaShape.Column[] Promise(IReadOnlyList<string>? names) =>
        names is null or [] ? [] : [SchemaShapes.Vector(Kind, TextDataViewType.Instance)];

    public static VBuffer<ReadOnlyMemory<char>> Buffer(IReadOnlyList<string> names) =>
        new(names.Count, [.. names.Select(name => name.AsMemory())]);
}
