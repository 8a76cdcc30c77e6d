using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>
/// Carries out a plan. Crops, flips and whole shifts are copies of rows of bytes, made where the batch is put together; all else is tensor operations over
/// the whole batch, on the device that trains.
/// </summary>
internal static class BatchAugmentation
{
    /// <summary>Puts image <paramref name="index"/> of a batch into its place; what pixels cannot be copied for stays as it is for <see cref="Apply"/>.</summary>
    public static void Place(AugmentationPlan plan, int index, ReadOnlySpan<byte> image, Span<byte> target)
    {
        if (plan.Geometry[index].IsExact)
            ExactGeometry.Copy(plan.Geometry[index], image, target, plan.Fill);
        else
            image.CopyTo(target);
    }

    /// <summary>The rest of the plan over placed bytes [N, channels, height, width], up to normalised and mixed float32.</summary>
    public static Tensor Apply(AugmentationPlan plan, Tensor bytes, PixelNormalization normalization)
    {
        using var scope = NewDisposeScope();
        var result = Normalize(plan, bytes, normalization);
        Erase(plan, result);
        return (plan.Mixing?.Apply(result) ?? result).MoveToOuterDisposeScope();
    }

    private static Tensor Normalize(AugmentationPlan plan, Tensor bytes, PixelNormalization normalization)
    {
        var sampled = Enumerable.Range(0, plan.Geometry.Length).Where(i => !plan.Geometry[i].IsExact).ToArray();
        if (sampled.Length == 0 && plan.Colors.Count == 0)
            return normalization.Apply(bytes);
        var values = bytes.to(ScalarType.Float32);
        if (sampled.Length > 0)
        {
            var index = tensor(sampled, ScalarType.Int64, values.device);
            GeometricTransform[] transforms = [.. sampled.Select(i => plan.Geometry[i])];
            values.index_copy_(0, index, TensorGeometry.Images(values.index_select(0, index), transforms, plan.Fill));
        }
        foreach (var step in plan.Colors)
            values = ColorOperations.Apply(values, step);
        return normalization.Apply(values);
    }

    /// <summary>Zero is each channel's mean after normalisation.</summary>
    private static void Erase(AugmentationPlan plan, Tensor values)
    {
        for (var i = 0; i < (plan.Erased?.Length ?? 0); i++)
        {
            if (plan.Erased![i] is { IsEmpty: false } box)
                values[i].narrow(1, box.Top, box.Bottom - box.Top).narrow(2, box.Left, box.Right - box.Left).zero_();
        }
    }
}
