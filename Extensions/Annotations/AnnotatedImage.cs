namespace MLNetLosses.Data;

/// <summary>What annotations say of one image, as read.</summary>
/// <param name="Source">Where it is said, for messages: a file, and a line where that helps.</param>
/// <param name="ImagePath">The image file; null where none was found.</param>
/// <param name="Wanted">What messages call the image.</param>
/// <param name="Size">The size that the annotations tell.</param>
/// <param name="Objects">The objects.</param>
/// <param name="Shares">Whether boxes are shares of the image's size.</param>
internal sealed record AnnotatedImage(
    string Source,
    string? ImagePath,
    string Wanted,
    (double Width, double Height)? Size,
    IReadOnlyList<AnnotatedObject> Objects,
    bool Shares = false
)
{
    /// <summary>Why the image cannot be used, where its annotations are missing.</summary>
    public string? Missing { get; init; }
}

/// <summary>What annotations say of one object, as read.</summary>
/// <param name="Place">Where it is said within the source, for messages.</param>
/// <param name="Class">The class; null where it is not among the declared ones.</param>
/// <param name="ClassText">What messages call the class.</param>
/// <param name="Box">The box.</param>
/// <param name="Ignored">Whether it is a crowd, or difficult.</param>
internal readonly record struct AnnotatedObject(string Place, string? Class, string ClassText, AnnotationBox Box, bool Ignored)
{
    /// <summary>The area of its shape, where the annotations tell one; null: that of its box.</summary>
    public double? Area { get; init; }
}

/// <summary>A box as read; edges may lie anywhere.</summary>
internal readonly record struct AnnotationBox(double X0, double Y0, double X1, double Y1)
{
    public double Area => (X1 - X0) * (Y1 - Y0);

    public bool IsEmpty => !(X1 > X0 && Y1 > Y0);

    public AnnotationBox Clip(double width, double height) =>
        new(Math.Clamp(X0, 0, width), Math.Clamp(Y0, 0, height), Math.Clamp(X1, 0, width), Math.Clamp(Y1, 0, height));

    /// <summary>How far the box reaches beyond an image.</summary>
    public double Overshoot(double width, double height) => Math.Max(Math.Max(-X0, -Y0), Math.Max(X1 - width, Y1 - height));

    public override string ToString() => FormattableString.Invariant($"({X0:0.##}, {Y0:0.##}, {X1:0.##}, {Y1:0.##})");
}
