using MLNetLosses.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>Decodes images on several threads.</summary>
internal static class ParallelDecoding
{
    /// <summary>The images of rows at a detector's size, which are disposed; null where one cannot be read and the detector leaves such out.</summary>
    /// <exception cref="ImageDecodeException">An image cannot be read.</exception>
    public static SizedImage?[] Run(IReadOnlyList<RowImage> rows, DetectionModel model)
    {
        var decoding = model.Sizing.Decoding(model.Preprocessing);
        try
        {
            return Run(rows.Count, Environment.ProcessorCount, Decode);
        }
        finally
        {
            foreach (var row in rows)
                row.Dispose();
        }

        SizedImage? Decode(int i)
        {
            try
            {
                return rows[i].Decode(decoding);
            }
            catch (ImageDecodeException) when (model.SkipUndecodableImages)
            {
                return null;
            }
        }
    }

    /// <summary>The images of 0 to <paramref name="count"/> - 1. Of several that cannot be read the first row's is thrown.</summary>
    /// <exception cref="ImageDecodeException">An image cannot be read.</exception>
    public static SizedImage?[] Run(int count, int threads, Func<int, SizedImage?> decode)
    {
        var images = new SizedImage?[count];
        BlockWork.For(count, i => images[i] = decode(i), threads);
        return images;
    }
}
