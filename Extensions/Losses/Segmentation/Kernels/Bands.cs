namespace MLNetLosses.Losses;

/// <summary>
/// An image cut along its first axis into bands that are worked on by themselves, with as many rows around each as its result depends on: memory for a band is
/// little beside that for an image, and stays in the processor's cache.
/// </summary>
internal sealed class Bands
{
    private const int Pixels = 1 << 17;

    private readonly int[] shape;
    private readonly int axis;
    private readonly int row;
    private readonly int rows;
    private readonly int reach;
    private readonly int margins;

    /// <param name="shape">The image's axes.</param>
    /// <param name="reach">How far a result depends on its neighbours.</param>
    /// <param name="margins">How many times that is put around each band.</param>
    public Bands(int[] shape, int reach, int margins)
    {
        (this.shape, this.reach, this.margins) = (shape, reach, margins);
        axis = Math.Max(0, Array.FindIndex(shape, size => size > 1));
        row = shape.AsSpan(axis + 1).ToArray().Aggregate(1, (product, size) => product * size);
        // What is done twice is at most a third.
        rows = Math.Max(Pixels / Math.Max(1, row), 6 * margins * reach);
        Count = shape[axis] <= rows + 2 * margins * reach ? 1 : (shape[axis] + rows - 1) / rows;
        if (Count == 1)
            rows = shape[axis];
    }

    /// <summary>The number of bands.</summary>
    public int Count { get; }

    /// <summary>A band.</summary>
    public Band this[int at]
    {
        get
        {
            var (start, end) = (at * rows, Math.Min(shape[axis], (at + 1) * rows));
            var (from, to) = (Math.Max(0, start - margins * reach), Math.Min(shape[axis], end + margins * reach));
            int[] whole = [.. shape[..axis], to - from, .. shape[(axis + 1)..]];
            Range Within(int times) =>
                ((Math.Max(from, start - times * reach) - from) * row)..((Math.Min(to, end + times * reach) - from) * row);
            return new(whole, from * row, Within);
        }
    }

    /// <summary>A band with its margins.</summary>
    /// <param name="Shape">Its axes.</param>
    /// <param name="From">Its first pixel in the image.</param>
    /// <param name="Inner">Which of its pixels are the band and a number of margins.</param>
    internal sealed record Band(int[] Shape, int From, Func<int, Range> Inner);
}
