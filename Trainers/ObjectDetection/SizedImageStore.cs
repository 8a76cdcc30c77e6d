using System.Collections.Concurrent;
using MLNetLosses.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>
/// Images of a data set by position, each of a size of its own. Each is decoded when it is first asked for and kept as bytes while the budget holds it; the others are decoded
/// again each time. Images are added by one thread; afterwards any number may read.
/// </summary>
internal sealed class SizedImageStore(Func<int, int, ImagePreprocessing> target, long memoryBudget) : IDisposable
{
    private const int PictureSide = 112;
    private const uint FrameColor = 0xFFFFFF;

    private readonly List<Entry> entries = [];
    private readonly ConcurrentDictionary<int, SizedImage> cache = new();
    private readonly SpillFile spill = new();
    private long used;

    /// <summary>Images added.</summary>
    public int Count => entries.Count;

    /// <summary>Images whose pixels are in memory.</summary>
    public int Cached => cache.Count;

    /// <summary>The row of the data that messages name for a position.</summary>
    public long Row(int position) => entries[position].Source.Row;

    /// <summary>The file at a position, or null where the image came from elsewhere.</summary>
    public string? File(int position) => entries[position].Source.Path;

    /// <summary>The file of a row of the data, if it is one.</summary>
    public string? SourceOf(long row) => PositionOf(row) is { } position ? File(position) : null;

    /// <summary>A small PNG of a row of the data with its objects framed; null for a row that is not there or cannot be read.</summary>
    /// <param name="row">The row.</param>
    /// <param name="objects">The objects of a position, in pixels of the image.</param>
    public byte[]? Picture(long row, Func<int, RowObjects> objects)
    {
        if (PositionOf(row) is not { } position)
            return null;
        try
        {
            var image = Read(position);
            var picture = RgbaPixels.OfPlanes(image.Width, image.Height, image.Planes);
            var (x, y) = ((double)image.Width / image.SourceWidth, (double)image.Height / image.SourceHeight);
            var line = Math.Max(1, (Math.Max(image.Width, image.Height) + PictureSide - 1) / PictureSide); // a pixel when it is small
            var (boxes, labels) = (objects(position).Boxes, objects(position).Labels);
            for (var i = 0; i < labels.Length; i++)
                picture.Frame(x * boxes[4 * i], y * boxes[4 * i + 1], x * boxes[4 * i + 2], y * boxes[4 * i + 3], line, FrameColor);
            return PngEncoder.Encode(picture.ToPlanes(), picture.Width, picture.Height, 3, PictureSide);
        }
        catch (ImageDecodeException)
        {
            return null;
        }
    }

    private int? PositionOf(long row) => entries.FindIndex(entry => entry.Source.Row == row) is >= 0 and var position ? position : null;

    /// <summary>Adds an image. One that ML.NET has decoded is resized at once; beyond the budget its bytes go to a temporary file.</summary>
    public void Add(RowImage image)
    {
        if (image.Image is null)
        {
            entries.Add(new(image));
            return;
        }
        var source = image with { Image = null };
        SizedImage pixels;
        try
        {
            pixels = image.Decode(target);
        }
        catch (ImageDecodeException problem)
        {
            entries.Add(new(source) { Problem = problem });
            return;
        }
        entries.Add(TryKeep(entries.Count, pixels) ? new(source) : Spill(source, pixels));
    }

    /// <summary>The decoded image at a position.</summary>
    /// <exception cref="ImageDecodeException">It cannot be read; names row and file.</exception>
    public SizedImage Read(int position)
    {
        if (cache.TryGetValue(position, out var kept))
            return kept;
        var entry = entries[position];
        if (entry.Problem is { } problem)
            throw problem.At(entry.Source.Row, entry.Source.Path);
        if (entry.Shape is { } shape)
        {
            var planes = new byte[entry.Bytes];
            spill.Read(entry.Offset, planes);
            return shape with { Planes = planes };
        }
        var pixels = entry.Source.Decode(target);
        TryKeep(position, pixels);
        return pixels;
    }

    /// <summary>Decodes every image once, on several threads, and keeps what fits.</summary>
    /// <returns>What could not be read, by position.</returns>
    public SortedDictionary<int, ImageDecodeException> FindUndecodable(int threads, CancellationToken cancellation)
    {
        var problems = new SortedDictionary<int, ImageDecodeException>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Parallel.For(
            0,
            Count,
            options,
            position =>
            {
                try
                {
                    Read(position);
                }
                catch (ImageDecodeException e)
                {
                    lock (problems)
                        problems.Add(position, e);
                }
            }
        );
        return problems;
    }

    /// <summary>Deletes the temporary file, if there is one.</summary>
    public void Dispose() => spill.Dispose();

    private bool TryKeep(int position, SizedImage pixels)
    {
        if (Interlocked.Add(ref used, pixels.Planes.Length) > memoryBudget || !cache.TryAdd(position, pixels))
        {
            Interlocked.Add(ref used, -pixels.Planes.Length);
            return cache.ContainsKey(position);
        }
        return true;
    }

    private Entry Spill(RowImage source, SizedImage pixels) =>
        new(source)
        {
            Offset = spill.Write(pixels.Planes),
            Shape = pixels with { Planes = [] },
            Bytes = pixels.Planes.Length,
        };

    /// <param name="Source">Where the image comes from, and its row.</param>
    private sealed record Entry(RowImage Source)
    {
        /// <summary>Why it could not be decoded when it was added.</summary>
        public ImageDecodeException? Problem { get; init; }

        /// <summary>Its sizes where its bytes lie in the temporary file; null: they do not.</summary>
        public SizedImage? Shape { get; init; }

        public long Offset { get; init; }

        public int Bytes { get; init; }
    }
}
