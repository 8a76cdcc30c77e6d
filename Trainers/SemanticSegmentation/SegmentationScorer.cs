using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>Images of rows to masks, areas and probabilities.</summary>
internal sealed class SegmentationScorer(
    DataViewSchema schema,
    SegmentationModel model,
    PixelClassifier network,
    IExceptionContext environment
) : BlockScorer<RowImage, IReadOnlyList<DecodedImage>, SegmentationPrediction>(schema, OutputColumns(model))
{
    private readonly ImageColumn images = ImageColumn.Find(schema, model.ImageColumnName, environment);

    public override IReadOnlyList<DataViewSchema.Column> Inputs => [images.Column];

    /// <summary>As many as the network is given at once; of images that keep their size that is not known: few, since they may be large.</summary>
    public override int BlockSize =>
        model.OwnSize ? 4 : PredictionBatch.ImagesOf(model.Preprocessing.Width, model.Preprocessing.Height, model.PredictionPixels);

    public override Func<RowImage> CreateReader(DataViewRow row) => images.CreateReader(row);

    public override IReadOnlyList<DecodedImage> Prepare(IReadOnlyList<RowImage> items)
    {
        var block = new DecodedImage[items.Count];
        try
        {
            BlockWork.For(items.Count, Decode);
            return block;
        }
        finally
        {
            foreach (var item in items)
                item.Dispose();
        }

        void Decode(int i)
        {
            try
            {
                block[i] = DecodedImage.Of(items[i], model.Preprocessing, model.OwnSize);
            }
            catch (ImageDecodeException) when (model.SkipUndecodableImages)
            {
                block[i] = new(null);
            }
        }
    }

    public override IReadOnlyList<SegmentationPrediction> Score(IReadOnlyList<DecodedImage> block) => network.Predict(block);

    public override Delegate CreateGetter(int output, Func<SegmentationPrediction> current)
    {
        if (output == 0)
            return (ValueGetter<SegmentationMask>)((ref SegmentationMask value) => value = current().Mask!);
        if (output == 1 && model.AreasColumnName is not null)
            return (ValueGetter<VBuffer<long>>)(
                (ref VBuffer<long> value) => Fill(ref value, current().Mask?.Areas(model.Classes.Length) ?? new long[model.Classes.Length])
            );
        return (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) => Fill(ref value, current().Probabilities ?? []));
    }

    private static void Fill<T>(ref VBuffer<T> value, T[] numbers)
    {
        var editor = VBufferEditor.Create(ref value, numbers.Length);
        numbers.CopyTo(editor.Values);
        value = editor.Commit();
    }

    private static List<DataViewSchema.DetachedColumn> OutputColumns(SegmentationModel model)
    {
        List<DataViewSchema.DetachedColumn> columns =
        [
            new(
                model.PredictedLabelColumnName,
                SegmentationMaskDataViewType.Instance,
                MaskClasses.Annotations(model.Classes, model.IgnoreIndex)
            ),
        ];
        if (model.AreasColumnName is { } areas)
            columns.Add(
                new(
                    areas,
                    new VectorDataViewType(NumberDataViewType.Int64, model.Classes.Length),
                    ScoreAnnotations.SlotNames(model.Classes)
                )
            );
        if (model.ProbabilitiesColumnName is { } probabilities)
            columns.Add(new(probabilities, new VectorDataViewType(NumberDataViewType.Single)));
        return columns;
    }
}
