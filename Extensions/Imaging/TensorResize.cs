using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>Resizes tensors of images and masks with the weights that decoding uses.</summary>
internal static class TensorResize
{
    /// <summary>
    /// Bilinear on half-pixel centres with the border repeated, of images [..., height, width] in floating point; <paramref name="antialias"/> widens the
    /// triangle when shrinking. Values are not rounded.
    /// </summary>
    public static Tensor Bilinear(Tensor images, int height, int width, bool antialias = true)
    {
        Check(images, height, width);
        if (!images.is_floating_point())
            throw new ArgumentException($"Bilinear resizing needs floating-point values, got {images.dtype}.", nameof(images));
        using var scope = NewDisposeScope();
        var (lead, fromY, fromX) = (images.shape[..^2], (int)images.shape[^2], (int)images.shape[^1]);
        var alongX = images.reshape(-1, fromX).mm(Matrix(fromX, width, antialias, images).t()).view(-1, fromY, width);
        var alongY = alongX.transpose(1, 2).reshape(-1, fromY).mm(Matrix(fromY, height, antialias, images).t());
        return alongY.view(-1, width, height).transpose(1, 2).contiguous().view([.. lead, height, width]).MoveToOuterDisposeScope();
    }

    /// <summary>Nearest, of masks [..., height, width] in any type: source index <c>floor(i * in / out)</c> on each axis.</summary>
    public static Tensor Nearest(Tensor masks, int height, int width)
    {
        Check(masks, height, width);
        using var scope = NewDisposeScope();
        var rows = Indices((int)masks.shape[^2], height, masks.device);
        var columns = Indices((int)masks.shape[^1], width, masks.device);
        return masks.index_select(-2, rows).index_select(-1, columns).MoveToOuterDisposeScope();
    }

    private static Tensor Indices(int source, int target, Device device) =>
        tensor(Enumerable.Range(0, target).Select(i => (long)i * source / target).ToArray(), ScalarType.Int64, device);

    private static Tensor Matrix(int source, int target, bool antialias, Tensor like)
    {
        var weights = new ResampleWeights(ResizeAxis.Stretch(source, target), antialias);
        var dense = new double[target * source];
        for (var i = 0; i < target; i++)
        for (var k = 0; k < weights.Taps && weights.First[i] + k < source; k++)
            dense[i * source + weights.First[i] + k] = weights.Double[i * weights.Taps + k];
        return tensor(dense, [target, source], ScalarType.Float64).to(like.dtype).to(like.device);
    }

    private static void Check(Tensor images, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (images.dim() < 2 || images.numel() == 0)
            throw new ArgumentException(
                $"Images [..., height, width] are expected, got [{string.Join(", ", images.shape)}].",
                nameof(images)
            );
    }
}
