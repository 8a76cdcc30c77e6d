using MLNetLosses.Data;

namespace MLNetLosses;

/// <summary>Decodes images on several threads.</summary>
internal static class ParallelDecoding
{
    /// <summary>The images of 0 to <paramref name="count"/> - 1. Of several that cannot be read the first row's is thrown.</summary>
    /// <exception cref="ImageDecodeException">An image cannot be read.</exception>
    public static SizedImage?[] Run(int count, int threads, Func<int, SizedImage?> decode)
    {
        var images = new SizedImage?[count];
        if (count == 1)
        {
            images[0] = decode(0);
            return images;
        }
        try
        {
            Parallel.For(0, count, new() { MaxDegreeOfParallelism = threads }, i => images[i] = decode(i));
        }
        catch (AggregateException several)
        {
            throw several.InnerExceptions.OfType<ImageDecodeException>().MinBy(problem => problem.Row) ?? several.InnerExceptions[0];
        }
        return images;
    }
}
