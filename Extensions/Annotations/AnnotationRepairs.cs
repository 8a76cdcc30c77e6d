namespace MLNetLosses.Data;

/// <summary>What a reader of annotations does about what is wrong in them, instead of refusing the data. Every repair is counted.</summary>
[Flags]
public enum AnnotationRepairs
{
    /// <summary>Whatever is wrong is an error that names the file, the object and the value.</summary>
    None = 0,

    /// <summary>A box that reaches a pixel or more beyond its image is cut at the border.</summary>
    ClipBoxes = 1,

    /// <summary>An object whose box has no area (of negative or zero size, or outside its image) is left out.</summary>
    SkipEmptyBoxes = 2,

    /// <summary>An object of a class that is not among the known ones is left out.</summary>
    SkipUnknownClasses = 4,

    /// <summary>An image whose file is missing or is no image, or a listed one without annotations, is left out.</summary>
    SkipMissingFiles = 8,

    /// <summary>All of them.</summary>
    All = ClipBoxes | SkipEmptyBoxes | SkipUnknownClasses | SkipMissingFiles,
}
