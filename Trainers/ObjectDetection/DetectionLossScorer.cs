using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Networks;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>The columns of a detector's loss.</summary>
/// <param name="Loss">To make: the loss.</param>
/// <param name="Terms">To make: what each of its terms adds; null: not.</param>
/// <param name="Label">Keys.</param>
/// <param name="Boxes">Boxes.</param>
/// <param name="Ignored">Flags, or null.</param>
internal sealed record DetectionLossColumns(string Loss, string? Terms, string Label, string Boxes, string? Ignored)
{
    /// <summary>Options of a trainer that name the same columns.</summary>
    public ObjectDetectionTrainer.Options AsOptions() =>
        new()
        {
            LabelColumnName = Label,
            BoundingBoxColumnName = Boxes,
            IgnoredColumnName = Ignored,
        };
}

/// <summary>The image of a row and what is to be seen in it.</summary>
internal sealed record ObjectsInImage(RowImage Image, RowObjects Objects);

/// <summary>Images and objects of rows to the loss of each.</summary>
internal sealed class DetectionLossScorer(
    DataViewSchema schema,
    ObjectDetectionTransformer detector,
    DetectionLossColumns columns,
    DetectionImageLoss loss,
    IExceptionContext environment
)
    : BlockScorer<ObjectsInImage, IReadOnlyList<(SizedImage? Image, ObjectsInImage Row)>, float[]>(
        schema,
        OutputColumns(columns, DetectionImageLoss.TermsOf(detector.Model))
    )
{
    private readonly ImageColumn images = ImageColumn.Find(schema, detector.Model.ImageColumnName, environment);
    private readonly ObjectRules rules = Rules(ObjectColumns.Find(schema, columns.AsOptions(), environment), detector);
    private readonly PixelNormalization normalization = new(detector.Model.Preprocessing);

    public override IReadOnlyList<DataViewSchema.Column> Inputs =>
        [.. rules.Columns.All.Append(images.Column).DistinctBy(column => column.Index)];

    public override int BlockSize => detector.Model.Sizing.BlockSize;

    public override Func<ObjectsInImage> CreateReader(DataViewRow row)
    {
        var (image, objects) = (images.CreateReader(row), rules.Columns.CreateReader(row));
        return () =>
        {
            var shown = image();
            try
            {
                return new(shown, rules.Check(objects(), row.Position, shown.Path, out _));
            }
            catch
            {
                shown.Dispose();
                throw;
            }
        };
    }

    public override IReadOnlyList<(SizedImage? Image, ObjectsInImage Row)> Prepare(IReadOnlyList<ObjectsInImage> items) =>
        [.. ParallelDecoding.Run([.. items.Select(item => item.Image)], detector.Model).Zip(items)];

    public override IReadOnlyList<float[]> Score(IReadOnlyList<(SizedImage? Image, ObjectsInImage Row)> block)
    {
        var results = new float[]?[block.Count];
        detector.Network.Run(
            [.. block.Select(row => row.Image)],
            (output, anchors, members) =>
            {
                for (var i = 0; i < members.Length; i++)
                    results[members[i]] = Of(Single(output, i), anchors, block[members[i]].Image!, block[members[i]].Row);
            }
        );
        return [.. results.Select(terms => terms ?? [])];
    }

    public override Delegate CreateGetter(int output, Func<float[]> current) =>
        output == 0
            ? (ValueGetter<float>)((ref float value) => value = current() is { Length: > 0 } terms ? terms.Sum() : float.NaN)
            : (ValueGetter<VBuffer<float>>)(
                (ref VBuffer<float> value) =>
                {
                    var terms = current();
                    var editor = VBufferEditor.Create(ref value, ((VectorDataViewType)Schema.Output[columns.Terms!].Type).Size);
                    if (terms.Length == 0)
                        editor.Values.Fill(float.NaN);
                    else
                        terms.CopyTo(editor.Values);
                    value = editor.Commit();
                }
            );

    private float[] Of(HeadOutput output, AnchorGrid anchors, SizedImage image, ObjectsInImage row)
    {
        var objects = DetectionImage
            .Make(image, new(Augmentation.None, 0, 0, 0), factor: 1, normalization)
            .Move(
                row.Objects,
                (place, box, seen) =>
                {
                    if (!rules.SkipInvalidBoxes)
                        throw ObjectRules.Outside(row.Image.Row, row.Image.Path, place, box, seen);
                }
            );
        return loss.Of(output, anchors, objects);
    }

    private static HeadOutput Single(HeadOutput output, int image) =>
        new(output.Logits.narrow(0, image, 1), output.Codes.narrow(0, image, 1), output.Quality?.narrow(0, image, 1));

    private static ObjectRules Rules(ObjectColumns objects, ObjectDetectionTransformer detector) =>
        new(
            objects,
            objects.TranslateTo(detector.ClassValues, detector.Model.ClassCount),
            detector.Model.LossFacts.SkipInvalidBoxes,
            $"which the detector has not learned; it knows {string.Join(", ", detector.Classes.Take(50).Select(name => $"'{name}'"))}. Map labels with the transformer that mapped those of its training."
        );

    private static DataViewSchema.DetachedColumn[] OutputColumns(DetectionLossColumns columns, string[] terms)
    {
        var value = new DataViewSchema.DetachedColumn(columns.Loss, NumberDataViewType.Single);
        return columns.Terms is null
            ? [value]
            :
            [
                value,
                new(columns.Terms, new VectorDataViewType(NumberDataViewType.Single, terms.Length), ScoreAnnotations.SlotNames(terms)),
            ];
    }
}
