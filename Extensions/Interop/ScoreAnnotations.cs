using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Interop;

/// <summary>
/// The annotations by which ML.NET's evaluators find the columns that belong to one prediction, and the names of the classes.
/// </summary>
internal static class ScoreAnnotations
{
    /// <summary>The next number of a set of score columns, one above the largest in the schema.</summary>
    public static uint NextSetId(DataViewSchema schema) => schema.GetMaxAnnotationKind(out _, AnnotationUtils.Kinds.ScoreColumnSetId) + 1;

    /// <summary>Annotations of a multiclass score column: one slot a class, named when the classes are.</summary>
    public static DataViewSchema.Annotations MulticlassScore(uint setId, KeyValues? classes)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        if (classes is not null)
        {
            classes.AddNamesTo(builder, AnnotationUtils.Kinds.SlotNames);
            classes.AddTo(builder, AnnotationUtils.Kinds.TrainingLabelValues);
        }
        AddCommon(
            builder,
            setId,
            AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification,
            AnnotationUtils.Const.ScoreValueKind.Score
        );
        return builder.ToAnnotations();
    }

    /// <summary>Annotations of the predicted key.</summary>
    public static DataViewSchema.Annotations MulticlassPredictedLabel(uint setId, KeyValues? classes)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        classes?.AddTo(builder, AnnotationUtils.Kinds.KeyValues);
        AddCommon(
            builder,
            setId,
            AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification,
            AnnotationUtils.Const.ScoreValueKind.PredictedLabel
        );
        return builder.ToAnnotations();
    }

    /// <summary>The names of the slots of a vector.</summary>
    public static DataViewSchema.Annotations SlotNames(IReadOnlyList<string> names)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.AddSlotNames(
            names.Count,
            (ref VBuffer<ReadOnlyMemory<char>> value) =>
                new VBuffer<ReadOnlyMemory<char>>(names.Count, [.. names.Select(name => name.AsMemory())]).CopyTo(ref value)
        );
        return builder.ToAnnotations();
    }

    /// <summary>What <see cref="SlotNames"/> will hold.</summary>
    public static SchemaShape.Column SlotNamesShape => SchemaShapes.Vector(AnnotationUtils.Kinds.SlotNames, TextDataViewType.Instance);

    /// <summary>What <see cref="MulticlassScore"/> will hold, given the shape of the label column.</summary>
    public static SchemaShape.Column[] MulticlassScoreShape(SchemaShape.Column label) =>
        ValueType(label) is { } type
            ?
            [
                SchemaShapes.Vector(AnnotationUtils.Kinds.SlotNames, TextDataViewType.Instance),
                SchemaShapes.Vector(AnnotationUtils.Kinds.TrainingLabelValues, type),
                .. CommonShape(),
            ]
            : CommonShape();

    /// <summary>What <see cref="MulticlassPredictedLabel"/> will hold, given the shape of the label column.</summary>
    public static SchemaShape.Column[] MulticlassPredictedLabelShape(SchemaShape.Column label) =>
        ValueType(label) is { } type ? [SchemaShapes.Vector(AnnotationUtils.Kinds.KeyValues, type), .. CommonShape()] : CommonShape();

    private static DataViewType? ValueType(SchemaShape.Column label) =>
        label.IsKey && label.Annotations.TryFindColumn(AnnotationUtils.Kinds.KeyValues, out var values) ? values.ItemType : null;

    private static SchemaShape.Column[] CommonShape() => [.. AnnotationUtils.GetTrainerOutputAnnotation()];

    private static void AddCommon(DataViewSchema.Annotations.Builder builder, uint setId, string columnKind, string valueKind)
    {
        builder.Add(AnnotationUtils.Kinds.ScoreColumnSetId, AnnotationUtils.ScoreColumnSetIdType, (ref uint value) => value = setId);
        AddText(builder, AnnotationUtils.Kinds.ScoreColumnKind, columnKind);
        AddText(builder, AnnotationUtils.Kinds.ScoreValueKind, valueKind);
    }

    private static void AddText(DataViewSchema.Annotations.Builder builder, string kind, string text) =>
        builder.Add(kind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = text.AsMemory());
}
