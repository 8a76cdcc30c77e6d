using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>Images of rows to predicted keys, scores and boxes.</summary>
internal sealed class ObjectDetectionScorer(
    DataViewSchema schema,
    DetectionModel model,
    DetectionSettings settings,
    NetworkDetector network,
    KeyValues? classes,
    IExceptionContext environment
) : BlockScorer<RowImage, IReadOnlyList<SizedImage?>, Detections>(schema, OutputColumns(schema, model, classes))
{
    private readonly ImageColumn images = ImageColumn.Find(schema, model.ImageColumnName, environment);

    public override IReadOnlyList<DataViewSchema.Column> Inputs => [images.Column];

    public override int BlockSize => model.Sizing.BlockSize;

    public override Func<RowImage> CreateReader(DataViewRow row) => images.CreateReader(row);

    public override IReadOnlyList<SizedImage?> Prepare(IReadOnlyList<RowImage> items) => ParallelDecoding.Run(items, model);

    public override IReadOnlyList<Detections> Score(IReadOnlyList<SizedImage?> block) =>
        [.. network.Detect(block, settings).Select(found => found ?? Detections.None)];

    public override Delegate CreateGetter(int output, Func<Detections> current) =>
        output switch
        {
            0 => (ValueGetter<VBuffer<uint>>)(
                (ref VBuffer<uint> value) =>
                {
                    var found = current().Classes;
                    var editor = VBufferEditor.Create(ref value, found.Length);
                    for (var i = 0; i < found.Length; i++)
                        editor.Values[i] = (uint)found[i] + 1;
                    value = editor.Commit();
                }
            ),
            1 => Numbers(() => current().Scores),
            _ => Numbers(() => current().Boxes),
        };

    private static ValueGetter<VBuffer<float>> Numbers(Func<float[]> read) =>
        (ref VBuffer<float> value) =>
        {
            var numbers = read();
            var editor = VBufferEditor.Create(ref value, numbers.Length);
            numbers.CopyTo(editor.Values);
            value = editor.Commit();
        };

    private static DataViewSchema.DetachedColumn[] OutputColumns(DataViewSchema schema, DetectionModel model, KeyValues? classes)
    {
        var set = ScoreAnnotations.NextSetId(schema);
        return
        [
            new(
                model.PredictedLabelColumnName,
                new VectorDataViewType(new KeyDataViewType(typeof(uint), model.ClassCount)),
                ScoreAnnotations.MulticlassPredictedLabel(set, classes)
            ),
            new(model.ScoreColumnName, new VectorDataViewType(NumberDataViewType.Single)),
            new(model.PredictedBoundingBoxColumnName, new VectorDataViewType(NumberDataViewType.Single)),
        ];
    }
}
