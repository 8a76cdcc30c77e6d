using System.Runtime.InteropServices;
using MLNetLosses.Data;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>How an image of a batch is changed.</summary>
/// <param name="Augmentation">What is changed at random.</param>
/// <param name="Seed">Decides it, together with the two others.</param>
/// <param name="Epoch">From 0.</param>
/// <param name="Draw">Which image of the epoch it is, from 0.</param>
internal readonly record struct ImageChange(Augmentation Augmentation, long Seed, int Epoch, int Draw);

/// <summary>An augmented image on its way into a batch, and how objects move with it.</summary>
internal sealed class DetectionImage
{
    // Less than half a pixel left along a side: nothing to learn from, and its logarithm would be large.
    private const double LeastSide = 0.5;

    // Pixels that tools exceed by rounding.
    private const double Tolerance = 1;

    private readonly SizedImage source;
    private readonly GeometricTransform geometry;
    private readonly PixelNormalization normalization;
    private readonly byte[]? planes;
    private readonly Tensor? pixels;

    private DetectionImage(SizedImage source, GeometricTransform geometry, PixelNormalization normalization, byte[]? planes, Tensor? pixels)
    {
        (this.source, this.geometry, this.normalization, this.planes, this.pixels) = (source, geometry, normalization, planes, pixels);
        (Height, Width) = pixels is null ? (source.Height, source.Width) : ((int)pixels.shape[^2], (int)pixels.shape[^1]);
    }

    public int Height { get; }

    public int Width { get; }

    /// <summary>Changes an image. Crops and flips are copies of bytes; all else are tensors in the caller's dispose scope.</summary>
    /// <param name="source">The decoded image.</param>
    /// <param name="change">What is drawn.</param>
    /// <param name="factor">What its sides are multiplied by.</param>
    /// <param name="normalization">How bytes become numbers.</param>
    public static DetectionImage Make(SizedImage source, ImageChange change, double factor, PixelNormalization normalization)
    {
        var plan = AugmentationPlan.Sample(change.Augmentation, 1, source.Width, source.Height, change.Seed, change.Epoch, change.Draw);
        var geometry = plan.Geometry[0];
        var planes = source.Planes;
        if (geometry is { IsExact: true, IsIdentity: false })
        {
            planes = GC.AllocateUninitializedArray<byte>(planes.Length);
            BatchAugmentation.Place(plan, 0, source.Planes, planes);
        }
        if (factor == 1 && geometry.IsExact && plan.Colors.Count == 0 && plan.Erased is null)
            return new(source, geometry, normalization, planes, null);
        using var scope = NewDisposeScope();
        var bytes = empty([1, normalization.Channels, source.Height, source.Width], ScalarType.Byte);
        planes.CopyTo(bytes.bytes);
        var pixels = BatchAugmentation.Apply(plan, bytes, normalization);
        if (factor != 1)
            pixels = TensorResize.Bilinear(pixels, Scaled(source.Height, factor), Scaled(source.Width, factor));
        return new(source, geometry, normalization, null, scope.MoveToOuter(pixels));
    }

    /// <summary>An image that is ready, [1, channels, height, width].</summary>
    public static DetectionImage Of(Tensor pixels, PixelNormalization normalization)
    {
        var (height, width) = ((int)pixels.shape[2], (int)pixels.shape[3]);
        var source = new SizedImage(width, height, width, height, []);
        return new(source, GeometricTransform.Identity(width, height), normalization, null, pixels);
    }

    /// <summary>[1, channels, height, width], normalised, in the caller's dispose scope.</summary>
    public Tensor ToTensor()
    {
        if (pixels is not null)
            return pixels.alias();
        var result = empty([1, normalization.Channels, Height, Width], ScalarType.Float32);
        normalization.Apply(planes, Height, Width, MemoryMarshal.Cast<byte, float>(result.bytes), Height, Width);
        return result;
    }

    /// <summary>Writes the image into its place in a batch.</summary>
    /// <param name="batch">[N, channels, height, width].</param>
    /// <param name="own">The numbers of its place.</param>
    /// <param name="index">Its place.</param>
    public void WriteTo(Tensor batch, Span<float> own, int index)
    {
        if (pixels is null)
            normalization.Apply(planes, Height, Width, own, (int)batch.shape[2], (int)batch.shape[3]);
        else
        {
            using var scope = NewDisposeScope();
            batch[index].narrow(1, 0, Height).narrow(2, 0, Width).copy_(pixels[0]);
        }
    }

    /// <summary>Objects of the source as objects of the batch.</summary>
    /// <param name="row">The objects, in pixels of the source.</param>
    /// <param name="misplaced">Told of a box that lies outside the source: number, box and source.</param>
    /// <param name="tally">Counts what becomes of boxes; null: nothing does.</param>
    public ImageObjects Move(RowObjects row, Action<int, float[], SizedImage> misplaced, BoxTally? tally = null)
    {
        if (row.Labels.Length == 0)
            return ImageObjects.None;
        var (toWidth, toHeight) = ((double)source.Width / source.SourceWidth, (double)source.Height / source.SourceHeight);
        var (boxes, classes, ignored) = (new List<float>(), new List<int>(), new List<float>());
        var (x, y) = ((double)Width / source.Width, (double)Height / source.Height);
        for (var i = 0; i < row.Labels.Length; i++)
        {
            var box = row.Boxes.AsSpan(4 * i, 4);
            if (!(box[0] < source.SourceWidth && box[1] < source.SourceHeight && box[2] > 0 && box[3] > 0))
            {
                misplaced(i, box.ToArray(), source);
                tally?.Add(BoxFate.Outside);
                continue;
            }
            var scaled = new PixelBox(box[0] * toWidth, box[1] * toHeight, box[2] * toWidth, box[3] * toHeight);
            var moved = geometry.Apply([scaled], out _);
            var isLearned = moved is [var found] && IsLarge(found);
            tally?.Add(
                !isLearned ? (IsLarge(scaled) ? BoxFate.Lost : BoxFate.TooSmall)
                : Overshoot(box) >= Tolerance ? BoxFate.Beyond
                : geometry.Cuts(scaled) ? BoxFate.Cut
                : BoxFate.Whole
            );
            if (!isLearned)
                continue;
            var left = moved[0];
            ReadOnlySpan<float> place = [(float)(left.X0 * x), (float)(left.Y0 * y), (float)(left.X1 * x), (float)(left.Y1 * y)];
            if (row.Ignored.Length > 0 && row.Ignored[i])
                ignored.AddRange(place);
            else
            {
                boxes.AddRange(place);
                classes.Add(row.Labels[i]);
            }
        }
        return new([.. boxes], [.. classes], [.. ignored]);
    }

    private static bool IsLarge(PixelBox box) => box.X1 - box.X0 >= LeastSide && box.Y1 - box.Y0 >= LeastSide;

    private double Overshoot(ReadOnlySpan<float> box) =>
        Math.Max(Math.Max(-box[0], -box[1]), Math.Max(box[2] - source.SourceWidth, box[3] - source.SourceHeight));

    private static int Scaled(int length, double factor) => Math.Max(1, (int)Math.Round(length * factor));
}
