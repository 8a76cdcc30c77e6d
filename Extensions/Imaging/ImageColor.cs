namespace MLNetLosses.Data;

/// <summary>The channels that a network reads.</summary>
public enum ImageColor
{
    /// <summary>Three channels in the order red, green, blue. A greyscale image has the same value in all three.</summary>
    Rgb,

    /// <summary>One channel of luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).</summary>
    Gray,
}
