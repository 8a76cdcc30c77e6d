using Microsoft.ML.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses.Data;

/// <summary>
/// Images with masks by row. Decoded pixels and masks are kept as bytes while the budget holds them; the others are read again each time, from their files
/// where there are files, else from a temporary one. Rows are added by one thread; afterwards any number may read.
/// </summary>
/// <param name="preprocessing">Colours; and the size, unless images keep their own.</param>
/// <param name="ownSize">Whether images keep their own size.</param>
/// <param name="ignoreIndex">A class index that does not count, besides <see cref="SegmentationMask.Ignored"/>.</param>
/// <param name="memoryBudget">Bytes that may be kept.</param>
internal sealed class MaskedImageStore(ImagePreprocessing preprocessing, bool ownSize, int? ignoreIndex, long memoryBudget) : IDisposable
{
    private readonly List<Entry> entries = [];
    private const double MaskOpacity = 0.5;
    private readonly uint[] palette = Masks.MaskPalette.Of(null);
    private readonly SpillFile spill = new();
    private long kept;
    private int keptImages;

    public ImagePreprocessing Preprocessing => preprocessing;

    public int Count => entries.Count;

    /// <summary>Images whose pixels are in memory.</summary>
    public int Cached => keptImages;

    /// <summary>The row of the data that messages name for a position.</summary>
    public long Row(int position) => entries[position].Row;

    /// <summary>The file of the image at a position, or null where it came from elsewhere.</summary>
    public string? File(int position) => entries[position].ImagePath;

    /// <summary>The file of a row of the data, if it is one.</summary>
    public string? SourceOf(long row) => PositionOf(row) is { } position ? File(position) : null;

    /// <summary>A small PNG of a row of the data with its mask over it; null for a row that is not there or cannot be read.</summary>
    public byte[]? Picture(long row)
    {
        if (PositionOf(row) is not { } position)
            return null;
        try
        {
            var sample = Read(position);
            var (width, height, mask) = (sample.Width, sample.Height, sample.Mask.ToArray());
            var picture = RgbaPixels.OfPlanes(width, height, sample.Pixels.Span);
            picture.Paint(
                LayerCount == 0
                    ? SegmentationMask.OfIndices(width, height, mask)
                    : SegmentationMask.OfLayers(width, height, LayerCount, mask),
                palette,
                MaskOpacity
            );
            return PngEncoder.Encode(picture.ToPlanes(), width, height, 3, RowPictures.LongestSide);
        }
        catch (ImageDecodeException)
        {
            return null;
        }
    }

    private int? PositionOf(long row) => entries.FindIndex(entry => entry.Row == row) is >= 0 and var position ? position : null;

    /// <summary>Layers of the masks, 0 for class indices; known when the masks were looked at.</summary>
    public int LayerCount { get; private set; }

    /// <summary>Adds a row. A decoded image is resized at once and not kept.</summary>
    public void Add(RowImage image, SegmentationMask? mask, string? maskPath)
    {
        var entry = new Entry
        {
            Row = image.Row,
            ImagePath = image.Path,
            Encoded = image.Encoded,
            MaskPath = maskPath,
        };
        entries.Add(entry);
        if (image.Image is { } decoded)
            AddDecoded(entry, decoded);
        if (mask is not null)
            AddMask(entry, mask);
        else if (string.IsNullOrEmpty(maskPath))
            throw new ArgumentException(
                $"Row {image.Row} has no mask. Leave it out, or give one whose pixels are {SegmentationMask.Ignored}."
            );
    }

    /// <summary>
    /// Looks at every mask once, on several threads: sizes are compared with those of the images, and pixels are counted.
    /// </summary>
    /// <param name="threads">How many.</param>
    /// <param name="decodeImages">Whether to decode the images too, to find those that cannot be.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>Images that cannot be read, by position; without <paramref name="decodeImages"/> they are an exception.</returns>
    /// <exception cref="ImageDecodeException">An image cannot be read.</exception>
    /// <exception cref="InvalidDataException">A mask cannot be read or does not fit its image.</exception>
    public SortedDictionary<int, ImageDecodeException> Scan(int threads, bool decodeImages, CancellationToken cancellation)
    {
        var undecodable = new SortedDictionary<int, ImageDecodeException>();
        var wrong = new SortedDictionary<int, Exception>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Parallel.For(
            0,
            Count,
            options,
            (position, state) =>
            {
                try
                {
                    Measure(entries[position]);
                    if (decodeImages)
                        ReadPixels(entries[position]);
                }
                catch (ImageDecodeException e) when (decodeImages)
                {
                    lock (undecodable)
                        undecodable.Add(position, e);
                }
                catch (Exception e) when (e is ImageDecodeException or InvalidDataException or IOException or UnauthorizedAccessException)
                {
                    lock (wrong)
                        wrong.Add(position, e);
                    state.Break(); // rows before this one are still looked at, so that the first is named
                }
            }
        );
        if (wrong.Count > 0)
            throw wrong.First().Value;
        LayerCount = entries.Count == 0 ? 0 : entries[0].Layers;
        if (entries.Find(entry => entry.Layers != LayerCount) is { } other)
            throw new InvalidDataException($"{MaskOf(other)} has {Kind(other.Layers)}, those before it have {Kind(LayerCount)}.");
        return undecodable;

        static string Kind(int layers) => layers == 0 ? "class indices" : $"{layers} layers";
    }

    /// <summary>The pixels of each class index, or of each layer, over some positions.</summary>
    public long[] Areas(IEnumerable<int> positions)
    {
        var areas = new long[256];
        foreach (var position in positions)
            for (var i = 0; i < areas.Length; i++)
                areas[i] += entries[position].Areas[i];
        return areas;
    }

    /// <summary>Refuses class indices beyond the classes.</summary>
    /// <exception cref="InvalidDataException">Names the row, the file, the pixel and the value.</exception>
    public void CheckIndices(int classCount, IReadOnlyList<string> classes)
    {
        foreach (var entry in entries)
            if (entry.Highest >= classCount && LayerCount == 0)
                throw new InvalidDataException(
                    $"{MaskOf(entry)} has the class index {entry.Highest} at pixel ({entry.HighestAt.X}, {entry.HighestAt.Y}), but there are {classCount} classes (0 to {classCount - 1}): {string.Join(", ", classes.Take(20))}. "
                        + $"Set IgnoreIndex to {entry.Highest} if such pixels shall not count."
                );
    }

    /// <summary>The image and mask at a position.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public MaskedImage Read(int position)
    {
        var entry = entries[position];
        return new(entry.Width, entry.Height, ReadPixels(entry), ReadMask(entry));
    }

    /// <summary>The width and height of the image at a position.</summary>
    public (int Width, int Height) SizeOf(int position) => (entries[position].Width, entries[position].Height);

    /// <summary>Reserves memory from the budget; false where it is used up.</summary>
    public bool TryReserve(long bytes)
    {
        if (Interlocked.Add(ref kept, bytes) <= memoryBudget)
            return true;
        Interlocked.Add(ref kept, -bytes);
        return false;
    }

    public void Dispose() => spill.Dispose();

    private void AddDecoded(Entry entry, MLImage image)
    {
        (entry.SourceWidth, entry.SourceHeight) = (image.Width, image.Height);
        try
        {
            var target = Sized(entry);
            var planes = new byte[target.ImageBytes];
            ImageDecoder.Decode(image, target, planes);
            if (KeepPixels(entry, planes))
                return;
            entry.PixelsAt = spill.Write(planes);
        }
        catch (ImageDecodeException e)
        {
            entry.Problem = e.Problem;
        }
    }

    private void AddMask(Entry entry, SegmentationMask mask)
    {
        CountPixels(entry, mask);
        (entry.MaskWidth, entry.MaskHeight) = (mask.Width, mask.Height);
        if (entry.SourceWidth == 0)
            Measure(entry, readMask: false); // the size is that of the image, which only its header tells
        if (entry.Problem is not null)
            return;
        CheckSizes(entry);
        var bytes = Prepare(entry, mask);
        if (!KeepMask(entry, bytes))
            entry.MaskAt = spill.Write(bytes);
    }

    private void Measure(Entry entry, bool readMask = true)
    {
        try
        {
            if (entry.Problem is { } problem)
                throw new ImageDecodeException(problem);
            if (entry.SourceWidth == 0)
            {
                (entry.SourceWidth, entry.SourceHeight) =
                    entry.Encoded is not null ? ImageSize.OfEncoded(entry.Encoded)
                    : !string.IsNullOrEmpty(entry.ImagePath) ? ImageSize.OfFile(entry.ImagePath)
                    : throw new ImageDecodeException("the row has no image.");
                Sized(entry);
            }
        }
        catch (ImageDecodeException e)
        {
            if (readMask)
                throw e.At(entry.Row, entry.ImagePath);
            entry.Problem = e.Problem; // said when the masks are looked at
            return;
        }
        if (readMask && entry.MaskWidth == 0)
        {
            var mask = MaskOfFile(entry);
            CountPixels(entry, mask);
            (entry.MaskWidth, entry.MaskHeight) = (mask.Width, mask.Height);
            CheckSizes(entry);
            KeepMask(entry, Prepare(entry, mask));
        }
    }

    private static SegmentationMask MaskOfFile(Entry entry)
    {
        try
        {
            return MaskFormat.Indices().Read(entry.MaskPath!);
        }
        catch (ImageDecodeException e)
        {
            // Another kind of exception: a row without a readable image may be skipped, one without a mask not.
            throw new InvalidDataException($"{MaskOf(entry)} cannot be read: {e.Problem}", e);
        }
    }

    private static void CheckSizes(Entry entry)
    {
        if ((entry.MaskWidth, entry.MaskHeight) != (entry.SourceWidth, entry.SourceHeight))
            throw new InvalidDataException(
                $"{MaskOf(entry)} has {entry.MaskWidth} x {entry.MaskHeight} pixels, but its image{(entry.ImagePath is null ? "" : $" '{entry.ImagePath}'")} has {entry.SourceWidth} x {entry.SourceHeight}. Make the mask anew from the image as it is seen."
            );
    }

    /// <summary>Counts pixels, and remembers where the highest class index is.</summary>
    private void CountPixels(Entry entry, SegmentationMask mask)
    {
        entry.Layers = mask.LayerCount;
        entry.Areas = mask.LayerCount == 0 ? mask.Areas(256) : [.. mask.Areas(mask.LayerCount), .. new long[256 - mask.LayerCount]];
        if (mask.LayerCount > 0)
        {
            entry.Areas[SegmentationMask.Ignored] = mask.Values.Count(SegmentationMask.Ignored);
            return;
        }
        if (ignoreIndex is { } ignored and not SegmentationMask.Ignored)
            (entry.Areas[ignored], entry.Areas[SegmentationMask.Ignored]) = (
                0,
                entry.Areas[SegmentationMask.Ignored] + entry.Areas[ignored]
            );
        var highest = Array.FindLastIndex(entry.Areas, SegmentationMask.Ignored - 1, area => area > 0);
        entry.Highest = highest;
        if (highest >= 0)
        {
            var (y, x) = Math.DivRem(mask.Values.IndexOf((byte)highest), mask.Width);
            entry.HighestAt = (x, y);
        }
    }

    /// <summary>At the size of the network, with one value for all that does not count.</summary>
    private byte[] Prepare(Entry entry, SegmentationMask mask)
    {
        var sized = mask.Resize(entry.Width, entry.Height);
        var bytes = sized.Values.ToArray();
        if (ignoreIndex is { } ignored && mask.LayerCount == 0)
            bytes.AsSpan().Replace((byte)ignored, SegmentationMask.Ignored);
        return bytes;
    }

    private ImagePreprocessing Sized(Entry entry)
    {
        var target = Sized(preprocessing, ownSize, entry.SourceWidth, entry.SourceHeight);
        (entry.Width, entry.Height) = (target.Width, target.Height);
        return target;
    }

    /// <summary>At which size an image is given to the network.</summary>
    /// <exception cref="ImageDecodeException">It keeps its size, which is too large.</exception>
    internal static ImagePreprocessing Sized(ImagePreprocessing preprocessing, bool ownSize, int width, int height)
    {
        const int longest = 16384;
        if (!ownSize)
            return preprocessing;
        return Math.Max(width, height) <= longest
            ? preprocessing with
            {
                Width = width,
                Height = height,
            }
            : throw new ImageDecodeException(
                $"it has {width} x {height} pixels; images that keep their size have at most {longest} in a row or column. Cut it, or set ImageWidth and ImageHeight."
            );
    }

    private byte[] ReadPixels(Entry entry)
    {
        if (Volatile.Read(ref entry.Pixels) is { } ready)
            return ready;
        var target = Sized(entry);
        var planes = GC.AllocateUninitializedArray<byte>(target.ImageBytes);
        try
        {
            if (entry.Problem is { } problem)
                throw new ImageDecodeException(problem);
            if (entry.PixelsAt is { } place)
                spill.Read(place, planes);
            else if (entry.Encoded is not null)
                ImageDecoder.Decode(entry.Encoded, target, planes);
            else
                ImageDecoder.DecodeFile(entry.ImagePath!, target, planes);
        }
        catch (ImageDecodeException e)
        {
            throw e.At(entry.Row, entry.ImagePath);
        }
        KeepPixels(entry, planes);
        return planes;
    }

    private byte[] ReadMask(Entry entry)
    {
        if (Volatile.Read(ref entry.Mask) is { } ready)
            return ready;
        if (entry.MaskAt is { } place)
        {
            var bytes = GC.AllocateUninitializedArray<byte>(Math.Max(1, entry.Layers) * entry.Width * entry.Height);
            spill.Read(place, bytes);
            return bytes;
        }
        return Prepare(entry, MaskOfFile(entry));
    }

    private bool KeepPixels(Entry entry, byte[] planes)
    {
        if (!TryReserve(planes.Length))
            return false;
        if (Interlocked.CompareExchange(ref entry.Pixels, planes, null) is null)
            Interlocked.Increment(ref keptImages);
        else
            Interlocked.Add(ref kept, -planes.Length); // another thread was faster, with the same bytes
        return true;
    }

    private bool KeepMask(Entry entry, byte[] bytes)
    {
        if (!TryReserve(bytes.Length))
            return false;
        Volatile.Write(ref entry.Mask, bytes);
        return true;
    }

    /// <summary>Names a mask by its file, or where it came from elsewhere by that of its image.</summary>
    private static string MaskOf(Entry entry) =>
        !string.IsNullOrEmpty(entry.MaskPath) ? $"The mask of row {entry.Row} ('{entry.MaskPath}')"
        : !string.IsNullOrEmpty(entry.ImagePath) ? $"The mask of image '{entry.ImagePath}' (row {entry.Row})"
        : $"The mask of row {entry.Row}";

    private sealed class Entry
    {
        public byte[]? Pixels;
        public byte[]? Mask;

        public required long Row { get; init; }
        public string? ImagePath { get; init; }
        public byte[]? Encoded { get; init; }
        public string? MaskPath { get; init; }
        public long? PixelsAt { get; set; }
        public long? MaskAt { get; set; }
        public string? Problem { get; set; }
        public int SourceWidth { get; set; }
        public int SourceHeight { get; set; }
        public int MaskWidth { get; set; }
        public int MaskHeight { get; set; }
        public int Width { get; set; }
        public int Height { get; set; }
        public int Layers { get; set; }
        public int Highest { get; set; } = -1;
        public (int X, int Y) HighestAt { get; set; }
        public long[] Areas { get; set; } = new long[256];
    }
}
