namespace MLNetLosses.Data;

/// <summary>How an image of another shape is brought to the size that the network reads.</summary>
public enum ResizeRule
{
    /// <summary>
    /// Scales until the image covers the target, keeping its proportions, and cuts what stands over at both sides of the longer axis
    /// (ML.NET's <c>IsoCrop</c>, torchvision's resize of the shorter edge followed by a centre crop).
    /// </summary>
    CropCenter,

    /// <summary>Scales each axis on its own, so that everything stays visible and proportions change (ML.NET's <c>Fill</c>).</summary>
    Stretch,

    /// <summary>
    /// Scales until the image fits into the target, keeping its proportions, and fills the rest with
    /// <see cref="ImagePreprocessing.PadColor"/> (letterbox; ML.NET's <c>IsoPad</c>).
    /// </summary>
    Pad,
}
