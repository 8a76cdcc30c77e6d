using Microsoft.ML.Data;
using MLNetLosses.Data;

namespace MLNetLosses.Scoring;

/// <summary>The image of a row, in one of three forms; none of them when the row has no image.</summary>
/// <param name="Row">The position of the row, from 0.</param>
/// <param name="Image">The decoded image.</param>
/// <param name="Encoded">The bytes of a file.</param>
/// <param name="Path">The path of a file.</param>
internal sealed record RowImage(long Row, MLImage? Image = null, byte[]? Encoded = null, string? Path = null) : IDisposable
{
    /// <summary>Fills [channels, height, width] bytes.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public void Decode(ImagePreprocessing preprocessing, Span<byte> planes)
    {
        try
        {
            if (Image is not null)
                ImageDecoder.Decode(Image, preprocessing, planes);
            else if (Encoded is not null)
                ImageDecoder.Decode(Encoded, preprocessing, planes);
            else if (!string.IsNullOrEmpty(Path))
                ImageDecoder.DecodeFile(Path, preprocessing, planes);
            else
                throw new ImageDecodeException("the row has no image.");
        }
        catch (ImageDecodeException e)
        {
            throw e.At((int)Math.Min(Row, int.MaxValue), Path);
        }
    }

    /// <summary>Width and height, from the header where it is not decoded.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public (int Width, int Height) Size() =>
        Located(() =>
            Image is not null ? (Image.Width, Image.Height)
            : Encoded is not null ? ImageSize.OfEncoded(Encoded)
            : !string.IsNullOrEmpty(Path) ? ImageSize.OfFile(Path)
            : throw new ImageDecodeException("the row has no image.")
        );

    /// <summary>Decodes to a size that depends on the image's own.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public SizedImage Decode(Func<int, int, ImagePreprocessing> target) =>
        Located(() =>
            Image is not null ? ImageDecoder.Decode(Image, target)
            : Encoded is not null ? ImageDecoder.Decode(Encoded, target)
            : !string.IsNullOrEmpty(Path) ? ImageDecoder.DecodeFile(Path, target)
            : throw new ImageDecodeException("the row has no image.")
        );

    private T Located<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ImageDecodeException e)
        {
            throw e.At((int)Math.Min(Row, int.MaxValue), Path);
        }
    }

    /// <summary>Hands the image to a store, which may keep it.</summary>
    public void AddTo(ImageStore store)
    {
        if (Image is not null)
            store.AddImage(Image, Row);
        else if (Encoded is not null)
            store.AddEncoded(Encoded, Row);
        else
            store.AddFile(Path, Row);
    }

    public void Dispose() => Image?.Dispose();
}
