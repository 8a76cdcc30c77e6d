using MLNetLosses.Data;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>A decoded image of a block; without pixels where it could not be decoded.</summary>
/// <param name="Pixels">[channels, Height, Width] as the network is given them.</param>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="OwnWidth">Pixels in a row of the image itself, and of its mask.</param>
/// <param name="OwnHeight">Rows of the image itself.</param>
internal sealed record DecodedImage(byte[]? Pixels, int Width = 0, int Height = 0, int OwnWidth = 0, int OwnHeight = 0)
{
    /// <summary>Decodes the image of a row.</summary>
    /// <exception cref="ImageDecodeException">It cannot be read, or keeps a size that is too large; names the row and the file.</exception>
    public static DecodedImage Of(RowImage image, ImagePreprocessing preprocessing, bool ownSize)
    {
        var (width, height) = image.Size();
        var target = Sized();
        var pixels = GC.AllocateUninitializedArray<byte>(target.ImageBytes);
        image.Decode(target, pixels);
        return new(pixels, target.Width, target.Height, width, height);

        ImagePreprocessing Sized()
        {
            try
            {
                return MaskedImageStore.Sized(preprocessing, ownSize, width, height);
            }
            catch (ImageDecodeException e)
            {
                throw e.At(image.Row, image.Path);
            }
        }
    }
}

/// <summary>What the network says of an image; no mask where the image could not be decoded.</summary>
/// <param name="Mask">The predicted mask, at the image's own size.</param>
/// <param name="Probabilities">[outputs, height, width], where they are asked for.</param>
internal sealed record SegmentationPrediction(SegmentationMask? Mask, float[]? Probabilities);
