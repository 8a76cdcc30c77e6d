namespace MLNetLosses.Data;

/// <summary>What a reader of annotations found and repaired.</summary>
public sealed class AnnotationReport
{
    /// <summary>Images that were read.</summary>
    public int ImageCount { get; internal set; }

    /// <summary>Objects that were read.</summary>
    public int ObjectCount { get; internal set; }

    /// <summary>Images without an object.</summary>
    public int EmptyImageCount { get; internal set; }

    /// <summary>Boxes that were cut at the border of their image.</summary>
    public int ClippedBoxCount { get; internal set; }

    /// <summary>Objects that were left out since their box has no area.</summary>
    public int EmptyBoxCount { get; internal set; }

    /// <summary>Objects that were left out since their class is not known.</summary>
    public int UnknownClassCount { get; internal set; }

    /// <summary>Images that were left out since a file is missing or cannot be read.</summary>
    public int MissingFileCount { get; internal set; }

    /// <summary>Images whose boxes were turned with them.</summary>
    public int TurnedImageCount { get; internal set; }

    /// <summary>The first repairs, as sentences that name the file, the object and the value; at most 20.</summary>
    public IReadOnlyList<string> Examples { get; internal set; } = [];

    /// <summary>Whether anything was cut or left out.</summary>
    public bool HasRepairs => ClippedBoxCount + EmptyBoxCount + UnknownClassCount + MissingFileCount > 0;

    /// <summary>The counts as a sentence.</summary>
    public override string ToString()
    {
        var parts = new[]
        {
            (ClippedBoxCount, "boxes cut at the border"),
            (EmptyBoxCount, "objects left out for a box without area"),
            (UnknownClassCount, "objects left out for an unknown class"),
            (MissingFileCount, "images left out for a missing file"),
            (TurnedImageCount, "images whose boxes were turned with them"),
        }.Where(part => part.Item1 > 0);
        var head = $"{ImageCount} images ({EmptyImageCount} without objects), {ObjectCount} objects";
        return string.Join("; ", parts.Select(part => $"{part.Item1} {part.Item2}").Prepend(head)) + ".";
    }
}
