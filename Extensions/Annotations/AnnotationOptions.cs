namespace MLNetLosses.Data;

/// <summary>How annotations are read. The defaults refuse whatever is wrong.</summary>
public sealed class AnnotationOptions
{
    /// <summary>
    /// The known classes. Null: for Pascal VOC and the CSV of VoTT all that occur, for COCO, YOLO and the JSON of VoTT those that the files declare.
    /// </summary>
    public IReadOnlyList<string>? Classes { get; set; }

    /// <summary>What is repaired and counted instead of being refused. Default: nothing.</summary>
    public AnnotationRepairs Repairs { get; set; }

    /// <summary>What boxes refer to where an image's EXIF orientation turns it.</summary>
    public AnnotationOrientation Orientation { get; set; }

    /// <summary>
    /// Whether the header of each image file is read: without, missing images, EXIF orientations and boxes beyond the image are found only where the
    /// annotations tell the size. Default true. YOLO, whose boxes are shares of the size, always needs it.
    /// </summary>
    public bool ReadImageHeaders { get; set; } = true;

    /// <summary>
    /// Whether the first pixel is 1 and the last one belongs to the box, as in the Pascal VOC challenge's own annotations: xmin and ymin are then lowered
    /// by 1. Default false: tools such as labelImg write edges. Counts for Pascal VOC only.
    /// </summary>
    public bool OneBasedPixels { get; set; }
}
