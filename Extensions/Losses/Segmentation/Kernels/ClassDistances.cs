using System.Numerics;

namespace MLNetLosses.Losses;

/// <summary>The distances of an image's pixels to the border of a class, made of class indices without a mask.</summary>
/// <param name="label">The class.</param>
/// <param name="shape">The image's axes.</param>
/// <param name="steps">The distance of neighbouring pixels along each.</param>
/// <param name="parallel">Whether to use several threads.</param>
internal readonly struct ClassDistances(long label, int[] shape, double[] steps, bool parallel)
{
    /// <summary>As <see cref="DistanceMaps.Signed"/> or, unsigned, as <see cref="DistanceMaps.ToBorder"/>.</summary>
    /// <param name="labels">The class of each pixel.</param>
    /// <param name="start">The image's first pixel.</param>
    /// <param name="ignored">What belongs to no class.</param>
    /// <param name="maps">Where to write.</param>
    /// <param name="place">The first place there.</param>
    /// <param name="signed">Whether the inside is negative, its border 0.</param>
    public void Write<T>(PixelTargets labels, long start, long? ignored, TensorMemory<T> maps, long place, bool signed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (own, length, least) = (label, shape.Aggregate(1, (product, size) => product * size), T.CreateTruncating(steps.Min()));
        var count = own == ignored ? 0 : Count(labels, start, length);
        if (count == 0 || count == length)
        {
            maps[place, length].Clear(); // there is no border
            return;
        }
        using var room = DistanceTransform.Room(length);
        var field = new TensorMemory<double>(room);
        foreach (var inside in new[] { false, true })
        {
            var (sign, border) = signed && inside ? (-T.One, least) : (T.One, T.Zero);
            DistanceTransform.InRanges(
                length,
                parallel,
                (from, to) => Load(labels.Whole(start + from, to - from), own, inside, field[from, to - from])
            );
            DistanceTransform.Squared(field, length, shape, steps, parallel);
            DistanceTransform.InRanges(
                length,
                parallel,
                (from, to) =>
                {
                    var y = labels.Whole(start + from, to - from);
                    Roots(y, own, inside, field[from, to - from], maps[place + from, to - from], sign, border);
                }
            );
        }
    }

    // 0 on the other side, infinite on this one.
    private static void Load(ReadOnlySpan<long> labels, long own, bool inside, Span<double> field)
    {
        var (onLabel, elsewhere) = inside ? (double.PositiveInfinity, 0.0) : (0.0, double.PositiveInfinity);
        for (var i = 0; i < labels.Length; i++)
            field[i] = labels[i] == own ? onLabel : elsewhere;
    }

    private static void Roots<T>(
        ReadOnlySpan<long> labels,
        long own,
        bool inside,
        ReadOnlySpan<double> field,
        Span<T> map,
        T sign,
        T border
    )
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < labels.Length; i++)
            if (labels[i] == own == inside)
                map[i] = sign * T.Max(T.Zero, T.CreateTruncating(Math.Sqrt(field[i])) - border);
    }

    private int Count(PixelTargets labels, long start, int length)
    {
        const int Block = 1 << 14;
        var count = 0;
        for (var from = 0; from < length; from += Block)
            count += labels.Whole(start + from, Math.Min(Block, length - from)).Count(label);
        return count;
    }
}
