namespace MLNetLosses.Data;

/// <summary>An image that cannot be read: which one, what was found, and what to do about it.</summary>
public sealed class ImageDecodeException : IOException
{
    /// <summary>Makes an exception about an image that the caller has yet to name.</summary>
    /// <param name="problem">What was found and what to do, as sentences.</param>
    /// <param name="innerException">The cause, if another exception was.</param>
    public ImageDecodeException(string problem, Exception? innerException = null)
        : base(problem, innerException)
    {
        Problem = problem;
    }

    private ImageDecodeException(ImageDecodeException cause, long? row, string? file)
        : base(Where(row, file) + cause.Problem, cause.InnerException ?? cause)
    {
        (Problem, Row, File) = (cause.Problem, row, file);
    }

    /// <summary>What was found and what to do, without the place.</summary>
    public string Problem { get; }

    /// <summary>The row of the data, counted from 0, where that is known.</summary>
    public long? Row { get; }

    /// <summary>The file, where the image came from one.</summary>
    public string? File { get; }

    /// <summary>The same problem with the row and the file that it was found in.</summary>
    internal ImageDecodeException At(long? row, string? file) => new(this, row ?? Row, file ?? File);

    private static string Where(long? row, string? file) =>
        (row, file) switch
        {
            (null, null) => "",
            (null, _) => $"Image '{file}': ",
            (_, null) => $"Image of row {row}: ",
            _ => $"Image of row {row}, '{file}': ",
        };
}
