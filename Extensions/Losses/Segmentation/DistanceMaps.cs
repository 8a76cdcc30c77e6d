using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Maps of distances to the borders of classes, for losses on borders.</summary>
internal static class DistanceMaps
{
    /// <summary>Where each class from the first on is, [N, C', ...] of bool; ignored pixels belong to no class.</summary>
    public static Tensor Masks(ClassTargets targets, int first)
    {
        var raw = targets.Raw;
        var mask =
            !targets.AreIndices ? raw.gt(0.5)
            : targets.ClassCount == 1 ? raw.eq(1).unsqueeze(1)
            : raw.unsqueeze(1)
                .eq(
                    arange(first, targets.ClassCount, ScalarType.Int64, raw.device)
                        .view([1, -1, .. Enumerable.Repeat(1L, (int)raw.dim() - 1)])
                );
        return targets.Valid is { } valid ? mask.logical_and(targets.AreIndices ? valid.unsqueeze(1) : valid) : mask;
    }

    /// <summary>
    /// Outside the mask + the distance to its nearest pixel; inside -(the distance to the nearest pixel outside - the smallest spacing), so that the mask's own
    /// border pixels are 0. 0 everywhere where the mask is empty or fills the image.
    /// </summary>
    public static Tensor Signed(Tensor masks, IReadOnlyList<double>? spacing, ScalarType dtype)
    {
        var axes = (int)masks.dim() - 2;
        var map = DistanceTransform.Euclidean(masks.logical_not(), axes, spacing, dtype);
        using var inside = DistanceTransform.Euclidean(masks, axes, spacing, dtype);
        return map.sub_(inside.sub_(spacing is null ? 1 : spacing.Min()).clamp_(min: 0));
    }

    /// <summary>The distance to the border from either side: to the nearest pixel on the other side. 0 everywhere where the mask is empty or fills the image.</summary>
    public static Tensor ToBorder(Tensor masks, IReadOnlyList<double>? spacing, ScalarType dtype)
    {
        var axes = (int)masks.dim() - 2;
        var map = DistanceTransform.Euclidean(masks.logical_not(), axes, spacing, dtype);
        using var inside = DistanceTransform.Euclidean(masks, axes, spacing, dtype);
        return map.add_(inside);
    }
}
