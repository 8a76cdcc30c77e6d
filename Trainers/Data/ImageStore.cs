using Microsoft.ML.Data;

namespace MLNetLosses.Data;

/// <summary>
/// The images of a data set by row. Each is decoded when it is first asked for, and kept as bytes while <see cref="MemoryBudget"/> holds it; the others
/// are decoded again each time. Rows are added by one thread; afterwards any number may read.
/// </summary>
internal sealed class ImageStore : IDisposable
{
    /// <summary>1 GiB.</summary>
    public const long DefaultMemoryBudget = 1L << 30;

    private readonly List<ImageContent?> _contents = [];
    private readonly List<long> _rows = [];
    private readonly PixelCache _cache;
    private readonly SpillFile _spill = new();

    /// <param name="preprocessing">Size, channels and rules of decoding.</param>
    /// <param name="memoryBudget">Bytes of decoded images that may be kept, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative budget.</exception>
    public ImageStore(ImagePreprocessing preprocessing, long memoryBudget = DefaultMemoryBudget)
    {
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentOutOfRangeException.ThrowIfNegative(memoryBudget);
        (Preprocessing, MemoryBudget) = (preprocessing, memoryBudget);
        _cache = new(preprocessing.ImageBytes, memoryBudget);
    }

    public ImagePreprocessing Preprocessing { get; }

    public long MemoryBudget { get; }

    /// <summary>Rows added.</summary>
    public int Count => _contents.Count;

    /// <summary>Rows whose pixels are in memory.</summary>
    public long Cached => _cache.Stored;

    /// <summary>The row of the data that messages name for a position.</summary>
    public long Row(int position) => _rows[position];

    /// <summary>The file of a row, or null where it came from elsewhere.</summary>
    public string? File(int row) => _contents[row]?.File;

    /// <summary>Adds an image that is read from a file when needed; an empty path is an image that cannot be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="row">The row of the data that messages name; by default the number of rows added before.</param>
    public void AddFile(string? path, long? row = null) =>
        Add(string.IsNullOrEmpty(path) ? new UndecodableContent(new("the row names no file.")) : new FileContent(path), row);

    /// <summary>Adds the bytes of a file, which the caller leaves alone from now on; they are let go once the decoded image is kept.</summary>
    /// <param name="encoded">The bytes.</param>
    /// <param name="row">The row of the data that messages name; by default the number of rows added before.</param>
    public void AddEncoded(ReadOnlyMemory<byte> encoded, long? row = null) => Add(new EncodedContent(encoded), row);

    /// <summary>
    /// Adds an image that ML.NET has decoded, which is resized at once and not kept. Beyond the budget the resized bytes go to a temporary file.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="row">The row of the data that messages name; by default the number of rows added before.</param>
    public void AddImage(MLImage image, long? row = null)
    {
        var planes = new byte[Preprocessing.ImageBytes];
        try
        {
            ImageDecoder.Decode(image, Preprocessing, planes);
        }
        catch (ImageDecodeException e)
        {
            Add(new UndecodableContent(e), row);
            return;
        }
        AddPixels(planes, row);
    }

    /// <summary>Adds an image that is already [channels, height, width] bytes.</summary>
    /// <param name="planes">The bytes, which are copied.</param>
    /// <param name="row">The row of the data that messages name; by default the number of rows added before.</param>
    public void AddPixels(ReadOnlySpan<byte> planes, long? row = null)
    {
        if (planes.Length != Preprocessing.ImageBytes)
            throw new ArgumentException($"{Preprocessing.ImageBytes} bytes are needed, got {planes.Length}.", nameof(planes));
        Add(_cache.TryStore(_contents.Count, planes) ? null : Spill(planes), row);
    }

    /// <summary>
    /// The pixels of a row, [channels, height, width]: a view of the kept bytes, or <paramref name="scratch"/>, which is filled when they are not kept.
    /// </summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public ReadOnlySpan<byte> Read(int row, Span<byte> scratch)
    {
        if (_cache.TryGet(row, out var kept))
            return kept;
        var content = _contents[row];
        if (content is null) // stored and let go between the two looks
            return _cache.TryGet(row, out kept) ? kept : throw new InvalidOperationException($"Row {row} has lost its pixels.");
        scratch = scratch[..Preprocessing.ImageBytes];
        try
        {
            content.Decode(Preprocessing, scratch);
        }
        catch (ImageDecodeException e)
        {
            throw e.At(_rows[row], content.File);
        }
        if (_cache.TryStore(row, scratch) && content is EncodedContent)
            _contents[row] = null;
        return scratch;
    }

    /// <summary>Decodes every row once, on several threads, and keeps what fits.</summary>
    /// <returns>What could not be read, by position in the store.</returns>
    public SortedDictionary<int, ImageDecodeException> FindUndecodable(int threads, CancellationToken cancellation = default)
    {
        var problems = new SortedDictionary<int, ImageDecodeException>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Parallel.For(
            0,
            Count,
            options,
            () => new byte[Preprocessing.ImageBytes],
            (row, _, scratch) =>
            {
                try
                {
                    Read(row, scratch);
                }
                catch (ImageDecodeException e)
                {
                    lock (problems)
                        problems.Add(row, e);
                }
                return scratch;
            },
            _ => { }
        );
        return problems;
    }

    /// <summary>Deletes the temporary file, if there is one.</summary>
    public void Dispose() => _spill.Dispose();

    private void Add(ImageContent? content, long? row)
    {
        _rows.Add(row ?? _contents.Count);
        _contents.Add(content);
    }

    private SpilledContent Spill(ReadOnlySpan<byte> planes) => new(_spill, _spill.Write(planes));
}
