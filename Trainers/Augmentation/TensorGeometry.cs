using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>Geometric transforms of tensors of images and masks.</summary>
internal static class TensorGeometry
{
    /// <summary>
    /// Images [N, channels, height, width] in floating point, each by a transform of its own, sampled bilinearly;
    /// <paramref name="fill"/> shows outside. All transforms start from the images' size and give one size.
    /// </summary>
    public static Tensor Images(Tensor images, ReadOnlySpan<GeometricTransform> transforms, double fill)
    {
        if (images.dim() != 4 || images.shape[0] != transforms.Length)
            throw new ArgumentException(
                $"{transforms.Length} transforms need images [{transforms.Length}, channels, height, width], got [{string.Join(", ", images.shape)}].",
                nameof(images)
            );
        using var scope = NewDisposeScope();
        var matrices = new float[transforms.Length * 6];
        for (var i = 0; i < transforms.Length; i++)
            Normalized(transforms[i], images, matrices.AsSpan(6 * i, 6));
        var theta = tensor(matrices, [transforms.Length, 2, 3], ScalarType.Float32).to(images.dtype).to(images.device);
        var grid = nn.functional.affine_grid(
            theta,
            [transforms.Length, images.shape[1], transforms[0].Height, transforms[0].Width],
            align_corners: false
        );
        var source = fill == 0 ? images : images - fill;
        var result = nn.functional.grid_sample(source, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false);
        return (fill == 0 ? result : result.add_(fill)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// An image or a mask [..., height, width] of any type by picking values: exact for crops and flips, nearest otherwise, so that class indices stay
    /// class indices; <paramref name="fill"/> shows outside.
    /// </summary>
    public static Tensor Nearest(Tensor values, GeometricTransform transform, double fill)
    {
        if (values.dim() < 2 || values.shape[^2] != transform.SourceHeight || values.shape[^1] != transform.SourceWidth)
            throw new ArgumentException(
                $"[..., {transform.SourceHeight}, {transform.SourceWidth}] is expected, got [{string.Join(", ", values.shape)}].",
                nameof(values)
            );
        using var scope = NewDisposeScope();
        var indices = new long[transform.Width * transform.Height];
        var outside = new bool[indices.Length];
        for (int y = 0, at = 0; y < transform.Height; y++)
        for (var x = 0; x < transform.Width; x++, at++)
        {
            var column = Math.Floor(transform.XX * (x + 0.5) + transform.XY * (y + 0.5) + transform.X0);
            var row = Math.Floor(transform.YX * (x + 0.5) + transform.YY * (y + 0.5) + transform.Y0);
            outside[at] = column < 0 || column >= transform.SourceWidth || row < 0 || row >= transform.SourceHeight;
            indices[at] = outside[at] ? 0 : (long)(row * transform.SourceWidth + column);
        }
        var lead = values.shape[..^2];
        var flat = values.reshape([.. lead, transform.SourceWidth * transform.SourceHeight]);
        var picked = flat.index_select(-1, tensor(indices, ScalarType.Int64, values.device));
        if (Array.IndexOf(outside, true) >= 0)
            picked = picked.masked_fill(tensor(outside, ScalarType.Bool, values.device), fill);
        return picked.reshape([.. lead, transform.Height, transform.Width]).MoveToOuterDisposeScope();
    }

    /// <summary>The transform on coordinates of -1 to 1, as sampling grids are made of.</summary>
    private static void Normalized(GeometricTransform t, Tensor images, Span<float> matrix)
    {
        if (t.SourceWidth != images.shape[3] || t.SourceHeight != images.shape[2])
            throw new ArgumentException(
                $"A transform of {t.SourceWidth} x {t.SourceHeight} pixels was given images of {images.shape[3]} x {images.shape[2]}."
            );
        var (w, h) = ((double)t.SourceWidth, (double)t.SourceHeight);
        matrix[0] = (float)(t.XX * t.Width / w);
        matrix[1] = (float)(t.XY * t.Height / w);
        matrix[2] = (float)((t.XX * t.Width + t.XY * t.Height + 2 * t.X0) / w - 1);
        matrix[3] = (float)(t.YX * t.Width / h);
        matrix[4] = (float)(t.YY * t.Height / h);
        matrix[5] = (float)((t.YX * t.Width + t.YY * t.Height + 2 * t.Y0) / h - 1);
    }
}
