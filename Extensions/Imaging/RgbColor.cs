namespace MLNetLosses.Data;

/// <summary>A colour of 8 bits a channel.</summary>
/// <param name="Red">Red, 0 to 255.</param>
/// <param name="Green">Green, 0 to 255.</param>
/// <param name="Blue">Blue, 0 to 255.</param>
public readonly record struct RgbColor(byte Red, byte Green, byte Blue)
{
    /// <summary>(0, 0, 0).</summary>
    public static RgbColor Black => new(0, 0, 0);

    /// <summary>(255, 255, 255).</summary>
    public static RgbColor White => new(255, 255, 255);

    /// <summary>(128, 128, 128).</summary>
    public static RgbColor Gray => new(128, 128, 128);
}
