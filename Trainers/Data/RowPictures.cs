namespace MLNetLosses.Data;

/// <summary>Small pictures of the rows of a store, for reports.</summary>
internal sealed class RowPictures(ImageStore images)
{
    /// <summary>The longest side: enough to recognise, little enough to embed dozens.</summary>
    public const int LongestSide = 112;

    private readonly Lazy<Dictionary<long, int>> positions = new(() =>
    {
        var found = new Dictionary<long, int>(images.Count);
        for (var i = 0; i < images.Count; i++)
            found.TryAdd(images.Row(i), i);
        return found;
    });

    /// <summary>A PNG; null for a row that is not there or cannot be read.</summary>
    public byte[]? Picture(long row)
    {
        if (!positions.Value.TryGetValue(row, out var position))
            return null;
        var form = images.Preprocessing;
        try
        {
            var planes = images.Read(position, new byte[form.ImageBytes]);
            return PngEncoder.Encode(planes, form.Width, form.Height, form.Channels, LongestSide);
        }
        catch (ImageDecodeException)
        {
            return null;
        }
    }

    /// <summary>The row's file, if it is one.</summary>
    public string? Source(long row) => positions.Value.TryGetValue(row, out var position) ? images.File(position) : null;
}
