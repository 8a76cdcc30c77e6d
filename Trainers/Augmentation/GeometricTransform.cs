namespace MLNetLosses.Data;

/// <summary>
/// A change of geometry of one image, as data: it can be put together with others and then be applied to the image, its mask and its boxes alike. The
/// point (x, y) of the result shows the point (XX x + XY y + X0, YX x + YY y + Y0) of the source; pixel i covers [i, i + 1).
/// </summary>
internal readonly record struct GeometricTransform(
    int SourceWidth,
    int SourceHeight,
    int Width,
    int Height,
    double XX,
    double XY,
    double X0,
    double YX,
    double YY,
    double Y0
)
{
    /// <summary>True when every pixel of the result is a pixel of the source or lies outside it: crops, flips and shifts by whole pixels.</summary>
    public bool IsExact => Math.Abs(XX) == 1 && XY == 0 && YX == 0 && Math.Abs(YY) == 1 && X0 == Math.Floor(X0) && Y0 == Math.Floor(Y0);

    public bool IsIdentity => this == Identity(SourceWidth, SourceHeight);

    public static GeometricTransform Identity(int width, int height) => new(width, height, width, height, 1, 0, 0, 0, 1, 0);

    public static GeometricTransform FlipHorizontally(int width, int height) => new(width, height, width, height, -1, 0, width, 0, 1, 0);

    public static GeometricTransform FlipVertically(int width, int height) => new(width, height, width, height, 1, 0, 0, 0, -1, height);

    /// <summary>The part of a size at (left, top), which may reach outside.</summary>
    public static GeometricTransform Crop(int sourceWidth, int sourceHeight, int left, int top, int width, int height) =>
        new(sourceWidth, sourceHeight, width, height, 1, 0, left, 0, 1, top);

    /// <summary>Another size. Images that shrink by much are better resized with an antialiasing filter.</summary>
    public static GeometricTransform Resize(int sourceWidth, int sourceHeight, int width, int height) =>
        new(sourceWidth, sourceHeight, width, height, (double)sourceWidth / width, 0, 0, 0, (double)sourceHeight / height, 0);

    /// <summary>Moves the image right by x and down by y pixels.</summary>
    public static GeometricTransform Translate(int width, int height, double x, double y) =>
        new(width, height, width, height, 1, 0, -x, 0, 1, -y);

    /// <summary>Moves each row by x times its distance from the top, each column by y times its distance from the left.</summary>
    public static GeometricTransform Shear(int width, int height, double x, double y) =>
        new(width, height, width, height, 1, -x, 0, -y, 1, 0);

    /// <summary>
    /// Shears along x, scales, turns (clockwise as seen, y pointing down) about the centre, then moves.
    /// </summary>
    public static GeometricTransform Affine(
        int width,
        int height,
        double degrees,
        double x = 0,
        double y = 0,
        double scale = 1,
        double shearDegrees = 0
    )
    {
        var (sin, cos) = Math.SinCos(degrees * Math.PI / 180);
        var tan = Math.Tan(shearDegrees * Math.PI / 180);
        var (centerX, centerY) = (width / 2.0, height / 2.0);
        // The inverse of (turn * scale * shear), since the transform leads from the result to the source.
        var (xx, xy) = ((cos + tan * sin) / scale, (sin - tan * cos) / scale);
        var (yx, yy) = (-sin / scale, cos / scale);
        var (fromX, fromY) = (centerX + x, centerY + y);
        return new(width, height, width, height, xx, xy, centerX - xx * fromX - xy * fromY, yx, yy, centerY - yx * fromX - yy * fromY);
    }

    /// <summary>This transform and then another, as one.</summary>
    /// <exception cref="ArgumentException">The other starts from another size than this one gives.</exception>
    public GeometricTransform Then(GeometricTransform next)
    {
        if (next.SourceWidth != Width || next.SourceHeight != Height)
            throw new ArgumentException(
                $"The next transform is for {next.SourceWidth} x {next.SourceHeight} pixels, this one gives {Width} x {Height}.",
                nameof(next)
            );
        return new(
            SourceWidth,
            SourceHeight,
            next.Width,
            next.Height,
            XX * next.XX + XY * next.YX,
            XX * next.XY + XY * next.YY,
            XX * next.X0 + XY * next.Y0 + X0,
            YX * next.XX + YY * next.YX,
            YX * next.XY + YY * next.YY,
            YX * next.X0 + YY * next.Y0 + Y0
        );
    }

    /// <summary>Where a point of the source is found in the result.</summary>
    public (double X, double Y) Forward(double x, double y)
    {
        var determinant = XX * YY - XY * YX;
        var (dx, dy) = (x - X0, y - Y0);
        return ((YY * dx - XY * dy) / determinant, (XX * dy - YX * dx) / determinant);
    }

    /// <summary>
    /// Boxes of the source as boxes of the result: the smallest around the four corners, cut at the border. Those with nothing left are dropped;
    /// <paramref name="kept"/> tells which remain.
    /// </summary>
    public PixelBox[] Apply(ReadOnlySpan<PixelBox> boxes, out int[] kept)
    {
        var (result, indices) = (new List<PixelBox>(boxes.Length), new List<int>(boxes.Length));
        for (var i = 0; i < boxes.Length; i++)
        {
            var box = Apply(boxes[i]);
            if (box.IsEmpty)
                continue;
            result.Add(box);
            indices.Add(i);
        }
        kept = [.. indices];
        return [.. result];
    }

    /// <summary>Whether a box of the source is moved over the border of the result, by more than rounding.</summary>
    public bool Cuts(PixelBox box)
    {
        const double rounding = 1e-3;
        var around = Around(box);
        return Math.Min(around.X0, around.Y0) < -rounding || around.X1 > Width + rounding || around.Y1 > Height + rounding;
    }

    private PixelBox Apply(PixelBox box)
    {
        var around = Around(box);
        return new(Math.Max(0, around.X0), Math.Max(0, around.Y0), Math.Min(Width, around.X1), Math.Min(Height, around.Y1));
    }

    private PixelBox Around(PixelBox box)
    {
        var (a, b) = (Forward(box.X0, box.Y0), Forward(box.X1, box.Y0));
        var (c, d) = (Forward(box.X0, box.Y1), Forward(box.X1, box.Y1));
        return new(
            Math.Min(Math.Min(a.X, b.X), Math.Min(c.X, d.X)),
            Math.Min(Math.Min(a.Y, b.Y), Math.Min(c.Y, d.Y)),
            Math.Max(Math.Max(a.X, b.X), Math.Max(c.X, d.X)),
            Math.Max(Math.Max(a.Y, b.Y), Math.Max(c.Y, d.Y))
        );
    }
}
