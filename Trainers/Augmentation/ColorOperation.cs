namespace MLNetLosses.Data;

/// <summary>Changes of colour and sharpness; each works on values 0 to 255 and stays there.</summary>
internal enum ColorKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>x f.</summary>
    Brightness,

    /// <summary>m + (x - m) f, m the mean luma of the image.</summary>
    Contrast,

    /// <summary>g + (x - g) f, g the luma of the pixel.</summary>
    Saturation,

    /// <summary>The hue turned by f of the colour circle.</summary>
    Hue,

    /// <summary>s + (x - s) f, s smoothed over 3 by 3 pixels with 5/13 in the middle; the border stays.</summary>
    Sharpness,

    /// <summary>The highest f bits.</summary>
    Posterize,

    /// <summary>255 - x from f on.</summary>
    Solarize,

    /// <summary>Each channel stretched to 0 to 255.</summary>
    AutoContrast,

    /// <summary>Each channel's histogram made even.</summary>
    Equalize,

    /// <summary>Luma in all channels.</summary>
    Grayscale,

    /// <summary>Gaussian of standard deviation f pixels.</summary>
    Blur,
}

/// <summary>A change of colour of one image.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Amount">f in the description of the kind.</param>
internal readonly record struct ColorOperation(ColorKind Kind, double Amount);
