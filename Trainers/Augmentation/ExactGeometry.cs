using System.Runtime.CompilerServices;

namespace MLNetLosses.Data;

/// <summary>Crops, flips and whole shifts of planes of bytes: rows are copied, and turned where they are mirrored.</summary>
internal static class ExactGeometry
{
    /// <summary>Writes [channels, Height, Width] from [channels, SourceHeight, SourceWidth].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(GeometricTransform transform, ReadOnlySpan<byte> source, Span<byte> target, byte fill)
    {
        if (transform.IsIdentity)
        {
            source.CopyTo(target);
            return;
        }
        if (!transform.IsExact)
            throw new ArgumentException("The transform moves pixels between pixels: it cannot be copied.", nameof(transform));
        var (columns, rows) = (HorizontalAxis(transform), VerticalAxis(transform));
        var sourcePlane = transform.SourceWidth * transform.SourceHeight;
        var plane = transform.Width * transform.Height;
        for (var channel = 0; channel < source.Length / sourcePlane; channel++)
        {
            var from = source.Slice(channel * sourcePlane, sourcePlane);
            var to = target.Slice(channel * plane, plane);
            to[..(rows.Start * transform.Width)].Fill(fill);
            to[(rows.End * transform.Width)..].Fill(fill);
            for (var y = rows.Start; y < rows.End; y++)
            {
                var line = to.Slice(y * transform.Width, transform.Width);
                line[..columns.Start].Fill(fill);
                line[columns.End..].Fill(fill);
                var inside = line[columns.Start..columns.End];
                from.Slice(rows.SourceAt(y) * transform.SourceWidth + columns.Lowest, inside.Length).CopyTo(inside);
                if (columns.Step < 0)
                    inside.Reverse();
            }
        }
    }

    public static ExactAxis VerticalAxis(GeometricTransform transform) =>
        Axis(transform.YY, transform.Y0, transform.SourceHeight, transform.Height);

    public static ExactAxis HorizontalAxis(GeometricTransform transform) =>
        Axis(transform.XX, transform.X0, transform.SourceWidth, transform.Width);

    private static ExactAxis Axis(double step, double offset, int source, int target)
    {
        // Result pixel i shows source pixel i + offset, or offset - 1 - i when mirrored.
        var (start, end) = step > 0 ? (-offset, source - offset) : (offset - source, offset);
        var first = (int)Math.Clamp(start, 0, target);
        return new((int)step, step > 0 ? (int)offset : (int)offset - 1, first, (int)Math.Clamp(end, first, target));
    }
}

/// <summary>Result positions [Start, End) of one axis show source positions; the others show what is outside.</summary>
internal readonly record struct ExactAxis(int Step, int Offset, int Start, int End)
{
    public int SourceAt(int position) => Offset + Step * position;

    /// <summary>The lowest source position that is shown.</summary>
    public int Lowest => Start == End ? 0 : Math.Min(SourceAt(Start), SourceAt(End - 1));
}
