using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Interop;

namespace MLNetLosses.Masks;

/// <summary>The names of the classes of a column of masks, which are kept in an annotation.</summary>
internal static class MaskClasses
{
    public const string Kind = "ClassNames";

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

    /// <summary>An annotation of the names; none without names.</summary>
    public static DataViewSchema.Annotations? Annotations(IReadOnlyList<string>? names)
    {
        if (names is null or [])
            return null;
        var builder = new DataViewSchema.Annotations.Builder();
        var value = Buffer(names);
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
