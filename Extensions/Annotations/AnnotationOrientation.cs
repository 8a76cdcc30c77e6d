namespace MLNetLosses.Data;

/// <summary>
/// What boxes refer to where an image's EXIF orientation says that it is shown turned or mirrored. Images are always decoded upright, and boxes
/// are turned to fit.
/// </summary>
public enum AnnotationOrientation
{
    /// <summary>
    /// The image's size in the annotations tells, where width and height change places: it is that of the pixels as shown, or as stored. Where
    /// it cannot tell: <see cref="Upright"/> for Pascal VOC (labelImg turns images since 2020), COCO and YOLO (whose trainers turn them), and
    /// <see cref="Stored"/> for VoTT, which draws pixels as stored.
    /// </summary>
    Automatic,

    /// <summary>The image as it is shown.</summary>
    Upright,

    /// <summary>The pixels as they are stored in the file.</summary>
    Stored,
}
