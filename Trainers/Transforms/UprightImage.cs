using MLNetLosses.Data;
using MLNetLosses.Scoring;
using static TorchSharp.torch;

namespace MLNetLosses.Transforms;

/// <summary>An image at its own size, upright: planes of red, green and blue.</summary>
internal readonly record struct UprightImage(byte[] Planes, int Width, int Height)
{
    private static readonly PixelNormalization Plain = new([0, 0, 0], [1, 1, 1], 3);

    /// <summary>Decodes the image of a row and gives up what it holds.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read; names the row and the file.</exception>
    public static UprightImage Decode(RowImage row)
    {
        using (row)
        {
            var (width, height) = row.Size();
            var preprocessing = new ImagePreprocessing { Width = width, Height = height };
            var planes = new byte[preprocessing.ImageBytes];
            row.Decode(preprocessing, planes);
            return new(planes, width, height);
        }
    }

    public RgbaPixels ToPixels() => RgbaPixels.OfPlanes(Width, Height, Planes);

    /// <summary>What a training would show its network, back as a picture.</summary>
    public RgbaPixels Change(AugmentationPlan plan)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var placed = empty([1, 3, Height, Width], ScalarType.Byte);
        BatchAugmentation.Place(plan, 0, Planes, placed.bytes);
        var changed = BatchAugmentation.Apply(plan, placed, Plain).mul_(255).round_().clamp_(0, 255).to(ScalarType.Byte);
        return RgbaPixels.OfPlanes((int)changed.shape[3], (int)changed.shape[2], changed.bytes);
    }
}
