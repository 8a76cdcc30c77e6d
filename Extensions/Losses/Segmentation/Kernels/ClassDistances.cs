using System.Buffers;
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
    /// <param name="ignored">What belongs to no class.</param>
    /// <param name="map">Where to write.</param>
    /// <param name="signed">Whether the inside is negative, its border 0.</param>
    public void Write<T>(ReadOnlySpan<long> labels, long? ignored, Span<T> map, bool signed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var own = label == ignored ? 0 : labels.Count(label);
        map.Clear();
        if (own == 0 || own == labels.Length)
            return; // there is no border
        var field = ArrayPool<double>.Shared.Rent(labels.Length);
        Load(labels, field, onLabel: 0, elsewhere: double.PositiveInfinity);
        DistanceTransform.Squared(field, labels.Length, shape, steps, parallel);
        for (var i = 0; i < labels.Length; i++)
            if (labels[i] != label)
                map[i] = T.CreateTruncating(Math.Sqrt(field[i]));
        Load(labels, field, onLabel: double.PositiveInfinity, elsewhere: 0);
        DistanceTransform.Squared(field, labels.Length, shape, steps, parallel);
        var (sign, border) = signed ? (-T.One, T.CreateTruncating(steps.Min())) : (T.One, T.Zero);
        for (var i = 0; i < labels.Length; i++)
            if (labels[i] == label)
                map[i] = sign * T.Max(T.Zero, T.CreateTruncating(Math.Sqrt(field[i])) - border);
        ArrayPool<double>.Shared.Return(field);
    }

    private void Load(ReadOnlySpan<long> labels, double[] field, double onLabel, double elsewhere)
    {
        for (var i = 0; i < labels.Length; i++)
            field[i] = labels[i] == label ? onLabel : elsewhere;
    }
}
