using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>Images of rows to probabilities and predicted keys.</summary>
internal sealed class ImageClassificationScorer(
    DataViewSchema schema,
    ImageClassificationModel model,
    IImageClassifier network,
    KeyValues? classes,
    IExceptionContext environment
) : BlockScorer<RowImage, ImageBlock, ReadOnlyMemory<float>>(schema, OutputColumns(schema, model, classes))
{
    private readonly ImageColumn images = ImageColumn.Find(schema, model.ImageColumnName, environment);

    public override IReadOnlyList<DataViewSchema.Column> Inputs => [images.Column];

    public override int BlockSize => BlockSizes.For(model.Preprocessing.ImageBytes);

    public override Func<RowImage> CreateReader(DataViewRow row) => images.CreateReader(row);

    public override ImageBlock Prepare(IReadOnlyList<RowImage> items)
    {
        var block = new ImageBlock(items.Count, model.Preprocessing.ImageBytes);
        try
        {
            BlockWork.For(items.Count, Decode);
            return block;
        }
        catch
        {
            block.Dispose();
            throw;
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
                items[i].Decode(model.Preprocessing, block[i]);
            }
            catch (ImageDecodeException) when (model.SkipUndecodableImages)
            {
                block.Failed[i] = true;
                block[i].Clear();
            }
        }
    }

    public override IReadOnlyList<ReadOnlyMemory<float>> Score(ImageBlock block)
    {
        using (block)
        {
            var size = network.ClassCount;
            var probabilities = new float[block.Count * size];
            network.Score(block.Pixels, block.Count, probabilities);
            var rows = new ReadOnlyMemory<float>[block.Count];
            for (var i = 0; i < rows.Length; i++)
            {
                if (block.Failed[i])
                    probabilities.AsSpan(i * size, size).Fill(float.NaN);
                rows[i] = probabilities.AsMemory(i * size, size);
            }
            return rows;
        }
    }

    public override Delegate CreateGetter(int output, Func<ReadOnlyMemory<float>> current) =>
        output == 0
            ? (ValueGetter<VBuffer<float>>)(
                (ref VBuffer<float> value) =>
                {
                    var scores = current().Span;
                    var editor = VBufferEditor.Create(ref value, scores.Length);
                    scores.CopyTo(editor.Values);
                    value = editor.Commit();
                }
            )
            : (ValueGetter<uint>)((ref uint value) => value = PredictedKey(current().Span));

    /// <summary>
    /// The key of the most probable class, the first where several are; 0, which is the missing key, where there are no scores.
    /// </summary>
    private static uint PredictedKey(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var i = 1; i < scores.Length; i++)
            if (scores[i] > scores[best])
                best = i;
        return float.IsNaN(scores[best]) ? 0 : (uint)best + 1;
    }

    private static DataViewSchema.DetachedColumn[] OutputColumns(DataViewSchema schema, ImageClassificationModel model, KeyValues? classes)
    {
        var set = ScoreAnnotations.NextSetId(schema);
        return
        [
            new(
                model.ScoreColumnName,
                new VectorDataViewType(NumberDataViewType.Single, model.ClassCount),
                ScoreAnnotations.MulticlassScore(set, classes)
            ),
            new(
                model.PredictedLabelColumnName,
                new KeyDataViewType(typeof(uint), model.ClassCount),
                ScoreAnnotations.MulticlassPredictedLabel(set, classes)
            ),
        ];
    }
}
