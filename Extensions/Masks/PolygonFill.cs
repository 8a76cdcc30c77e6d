namespace MLNetLosses.Masks;

/// <summary>Paints shapes into masks: a pixel belongs to a shape that holds its centre.</summary>
internal static class PolygonFill
{
    /// <summary>Fills a polygon; where its edges cross one another, what is inside an odd number of times counts.</summary>
    /// <param name="points">x, y, x, y, ... in pixels; pixel i covers [i, i + 1). Parts outside the mask are cut off.</param>
    /// <param name="target">[height, width].</param>
    /// <param name="width">Columns.</param>
    /// <param name="value">What is written.</param>
    public static void Polygon(ReadOnlySpan<double> points, Span<byte> target, int width, byte value)
    {
        var height = target.Length / width;
        var (top, bottom) = (double.PositiveInfinity, double.NegativeInfinity);
        for (var i = 1; i < points.Length; i += 2)
            (top, bottom) = (Math.Min(top, points[i]), Math.Max(bottom, points[i]));
        var crossings = new List<double>();
        for (var y = FirstCentre(top, height); y < FirstCentre(bottom, height); y++)
        {
            crossings.Clear();
            var centre = y + 0.5;
            for (var i = 0; i < points.Length; i += 2)
            {
                var next = (i + 2) % points.Length;
                var (x0, y0, x1, y1) = (points[i], points[i + 1], points[next], points[next + 1]);
                if (y0 <= centre != y1 <= centre)
                    crossings.Add(x0 + (centre - y0) / (y1 - y0) * (x1 - x0));
            }
            crossings.Sort();
            for (var i = 0; i + 1 < crossings.Count; i += 2)
            {
                var (from, to) = (FirstCentre(crossings[i], width), FirstCentre(crossings[i + 1], width));
                target.Slice(y * width + from, to - from).Fill(value);
            }
        }
    }

    /// <summary>Fills a disc.</summary>
    public static void Disc(double x, double y, double radius, Span<byte> target, int width, byte value)
    {
        var height = target.Length / width;
        for (var row = FirstCentre(y - radius, height); row < FirstCentre(y + radius, height); row++)
        {
            var half = Math.Sqrt(radius * radius - (row + 0.5 - y) * (row + 0.5 - y));
            var (from, to) = (FirstCentre(x - half, width), FirstCentre(x + half, width));
            target.Slice(row * width + from, to - from).Fill(value);
        }
    }

    /// <summary>The first pixel whose centre is at or beyond a coordinate, cut to [0, size].</summary>
    private static int FirstCentre(double at, int size) => (int)Math.Clamp(Math.Ceiling(at - 0.5), 0, size);
}
