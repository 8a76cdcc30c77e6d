using System.Diagnostics.CodeAnalysis;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Interop;

/// <summary>Makes and reads the promises that an estimator gives about columns before anything is trained.</summary>
internal static class SchemaShapes
{
    /// <summary>A scalar column.</summary>
    public static SchemaShape.Column Scalar(string name, DataViewType type, params SchemaShape.Column[] annotations) =>
        new(name, SchemaShape.Column.VectorKind.Scalar, type, false, new SchemaShape(annotations));

    /// <summary>A vector of a size that is known before training or after.</summary>
    public static SchemaShape.Column Vector(string name, DataViewType itemType, params SchemaShape.Column[] annotations) =>
        new(name, SchemaShape.Column.VectorKind.Vector, itemType, false, new SchemaShape(annotations));

    /// <summary>A vector whose size differs from row to row.</summary>
    public static SchemaShape.Column VariableVector(string name, DataViewType itemType, params SchemaShape.Column[] annotations) =>
        new(name, SchemaShape.Column.VectorKind.VariableVector, itemType, false, new SchemaShape(annotations));

    /// <summary>A key column, with keys of 32 bits.</summary>
    public static SchemaShape.Column Key(string name, params SchemaShape.Column[] annotations) =>
        new(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true, new SchemaShape(annotations));

    /// <summary>A vector of keys of 32 bits, whose size differs from row to row.</summary>
    public static SchemaShape.Column KeyVector(string name, params SchemaShape.Column[] annotations) =>
        new(name, SchemaShape.Column.VectorKind.VariableVector, NumberDataViewType.UInt32, true, new SchemaShape(annotations));

    /// <summary>The shape of a schema.</summary>
    public static SchemaShape Of(DataViewSchema schema) => SchemaShape.Create(schema);

    /// <summary>The shape with columns added; a column of the same name is replaced.</summary>
    public static SchemaShape With(this SchemaShape shape, params SchemaShape.Column[] added) =>
        new(shape.Where(column => added.All(other => other.Name != column.Name)).Concat(added));

    /// <summary>Looks a column up by its name.</summary>
    public static bool TryFind(this SchemaShape shape, string name, [MaybeNullWhen(false)] out SchemaShape.Column column) =>
        shape.TryFindColumn(name, out column);

    /// <summary>The type in ML.NET's words.</summary>
    public static string TypeName(this SchemaShape.Column column) => column.GetTypeString();
}
