using Microsoft.ML.Data;

namespace MLNetLosses.Data;

/// <summary>Where the pixels of one row come from. Implementations are called from several threads.</summary>
internal abstract class ImageContent
{
    /// <summary>The file, for messages; null where there is none.</summary>
    public virtual string? File => null;

    /// <summary>Fills [channels, height, width] bytes.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read.</exception>
    public abstract void Decode(ImagePreprocessing preprocessing, Span<byte> planes);
}

/// <summary>A file, opened and closed for every read.</summary>
internal sealed class FileContent(string path) : ImageContent
{
    public override string File => path;

    public override void Decode(ImagePreprocessing preprocessing, Span<byte> planes) =>
        ImageDecoder.DecodeFile(path, preprocessing, planes);
}

/// <summary>The bytes of a file.</summary>
internal sealed class EncodedContent(ReadOnlyMemory<byte> encoded) : ImageContent
{
    public override void Decode(ImagePreprocessing preprocessing, Span<byte> planes) =>
        ImageDecoder.Decode(encoded.Span, preprocessing, planes);
}

/// <summary>An image that could not be decoded when it was added.</summary>
internal sealed class UndecodableContent(ImageDecodeException problem) : ImageContent
{
    public override void Decode(ImagePreprocessing preprocessing, Span<byte> planes) =>
        throw new ImageDecodeException(problem.Problem, problem);
}

/// <summary>Decoded bytes that lie in a temporary file.</summary>
internal sealed class SpilledContent(SpillFile file, long offset) : ImageContent
{
    public override void Decode(ImagePreprocessing preprocessing, Span<byte> planes) => file.Read(offset, planes);
}
