namespace MLNetLosses.Data;

/// <summary>Whole pixels from (Left, Top) to (Right, Bottom), the last two exclusive.</summary>
internal readonly record struct PixelRectangle(int Left, int Top, int Right, int Bottom)
{
    public bool IsEmpty => Right <= Left || Bottom <= Top;

    public long Area => IsEmpty ? 0 : (long)(Right - Left) * (Bottom - Top);
}

/// <summary>A box in pixels, right and bottom edges exclusive; a box of a whole image is 0, 0, width, height.</summary>
internal readonly record struct PixelBox(double X0, double Y0, double X1, double Y1)
{
    public bool IsEmpty => !(X1 > X0 && Y1 > Y0);

    public double Area => (X1 - X0) * (Y1 - Y0);
}
