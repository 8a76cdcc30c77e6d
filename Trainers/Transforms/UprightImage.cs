using MLNetLosses.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>An image at its own size, upright: planes of red, green and blue.</summary>
internal readonly record struct UprightImage(byte[] Planes, int Width, int Height)
{
    /// <summary>Decodes the image of a row and gives up what it holds.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public static UprightImage Decode(RowImage row)
    {
        using (row)
        {
            var (width, height) = Size(row);
            var preprocessing = new ImagePreprocessing { Width = width, Height = height };
            var planes = new byte[preprocessing.ImageBytes];
            row.Decode(preprocessing, planes);
            return new(planes, width, height);
        }
    }

    public RgbaPixels ToPixels() => RgbaPixels.OfPlanes(Width, Height, Planes);

    private static (int Width, int Height) Size(RowImage row)
    {
        try
        {
            return row.Image is { } image ? (image.Width, image.Height)
                : row.Encoded is { } bytes ? ImageSize.OfEncoded(bytes)
                : !string.IsNullOrEmpty(row.Path) ? ImageSize.OfFile(row.Path)
                : throw new ImageDecodeException("the row has no image.");
        }
        catch (ImageDecodeException e)
        {
            throw e.At(row.Row, row.Path);
        }
    }
}
