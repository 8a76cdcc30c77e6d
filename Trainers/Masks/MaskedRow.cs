using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Data;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>The image and the mask of a row.</summary>
internal sealed record MaskedRow(RowImage Image, SegmentationMask? Mask)
{
    /// <summary>Makes what takes both from the current row.</summary>
    public static Func<MaskedRow> CreateReader(DataViewRow row, ImageColumn image, MaskColumn mask)
    {
        var (readImage, readMask) = (image.CreateReader(row), mask.CreateReader(row));
        return () => new(readImage(), readMask());
    }

    /// <summary>Decodes the image at its own size, [3, height, width]; gives up what it was made of.</summary>
    /// <exception cref="ImageDecodeException">It cannot be read; names the row and the file.</exception>
    /// <exception cref="ArgumentException">The mask is of another size; names the row.</exception>
    public (byte[] Planes, int Width, int Height) Decode()
    {
        using (Image)
        {
            var decoded = Image.Decode(
                (width, height) =>
                    new()
                    {
                        Width = width,
                        Height = height,
                        Resize = ResizeRule.Stretch,
                    }
            );
            return Mask is null || Mask.Width == decoded.Width && Mask.Height == decoded.Height
                ? (decoded.Planes, decoded.Width, decoded.Height)
                : throw new ArgumentException(
                    $"Row {Image.Row}{(Image.Path is null ? "" : $" ('{Image.Path}')")}: the image has {decoded.Width} x {decoded.Height} pixels, its mask {Mask.Width} x {Mask.Height}."
                );
        }
    }
}
