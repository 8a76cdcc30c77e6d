namespace MLNetLosses;

/// <summary>A part of an image that the network is shown, and the part of that which is kept.</summary>
/// <param name="Start">The first pixel shown.</param>
/// <param name="Length">How many are shown.</param>
/// <param name="KeepStart">The first pixel kept.</param>
/// <param name="KeepLength">How many are kept.</param>
internal readonly record struct TileSpan(int Start, int Length, int KeepStart, int KeepLength);

/// <summary>
/// How large images are cut into tiles. Tiles begin at multiples of the network's stride, so that it sees the pixels of a tile in the same places as
/// in the whole image; of each tile the part is kept that is an overlap away from its borders, except at those of the image.
/// </summary>
/// <param name="maxPixels">The most pixels of a tile.</param>
/// <param name="overlap">Pixels shown besides on every side.</param>
/// <param name="stride">By what the network's coarsest map is smaller than the image.</param>
internal sealed class TilePlan(int maxPixels, int overlap, int stride)
{
    public int MaxPixels => maxPixels;

    /// <summary>The tiles of an image, row by row; one where it is small enough.</summary>
    public IEnumerable<(TileSpan X, TileSpan Y)> Tiles(int width, int height)
    {
        if ((long)width * height <= maxPixels)
            return [(Whole(width), Whole(height))];
        // As square as the image allows.
        var side = (int)Math.Sqrt(maxPixels);
        var tileWidth = height < side ? maxPixels / height : Math.Min(width, side);
        var tileHeight = width < side ? maxPixels / width : Math.Min(height, side);
        return from y in Cut(height, tileHeight) from x in Cut(width, tileWidth) select (x, y);
    }

    private static TileSpan Whole(int length) => new(0, length, 0, length);

    private List<TileSpan> Cut(int length, int tile)
    {
        if (length <= tile)
            return [Whole(length)];
        tile = Math.Max(stride, tile / stride * stride);
        var step = Math.Max(stride, (tile - 2 * overlap) / stride * stride);
        var margin = Math.Min(overlap, (tile - step) / 2);
        var spans = new List<TileSpan>();
        for (int start = 0, kept = 0; kept < length; start += step)
        {
            var end = Math.Min(length, start + tile);
            var keepEnd = end == length ? length : end - margin;
            spans.Add(new(start, end - start, kept, keepEnd - kept));
            kept = keepEnd;
        }
        return spans;
    }
}
