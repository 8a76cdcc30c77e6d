using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>
/// Carries out a plan. Crops, flips and whole shifts are copies of rows of bytes, made where the batch is put together; all else is tensor operations over
/// the whole batch, on the device that trains.
/// </summary>
internal static class BatchAugmentation
{
    private const long CacheElements = 1 << 20;

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
        if (plan.Colors.Count == 0 && Array.TrueForAll(plan.Geometry, g => g.IsExact))
            return normalization.Apply(bytes);
        // On the CPU a few images at a time: what one operation writes is still in the cache when the next reads it, and blocks stay small
        // enough for the allocator to use them again.
        var count = plan.Geometry.Length;
        var together = bytes.device_type == DeviceType.CPU ? (int)Math.Clamp(CacheElements * count / bytes.numel(), 1, count) : count;
        if (together == count)
            return normalization.Apply(Change(plan, 0, bytes));
        var result = empty(bytes.shape, ScalarType.Float32, bytes.device);
        for (var first = 0; first < count; first += together)
        {
            using var scope = NewDisposeScope();
            var length = Math.Min(together, count - first);
            var changed = Change(plan, first, bytes.narrow(0, first, length));
            result.narrow(0, first, length).copy_(normalization.Apply(changed));
        }
        return result;
    }

    /// <summary>Geometry and colours of images <paramref name="first"/> and on, as float32 of 0 to 255.</summary>
    private static Tensor Change(AugmentationPlan plan, int first, Tensor bytes)
    {
        var values = bytes.to(ScalarType.Float32);
        var count = (int)bytes.shape[0];
        var geometry = plan.Geometry.AsSpan(first, count).ToArray();
        var sampled = Enumerable.Range(0, count).Where(i => !geometry[i].IsExact).ToArray();
        if (sampled.Length == count)
            values = TensorGeometry.Images(values, geometry, plan.Fill);
        else if (sampled.Length > 0)
        {
            var index = tensor(sampled, ScalarType.Int64, values.device);
            GeometricTransform[] transforms = [.. sampled.Select(i => geometry[i])];
            values.index_copy_(0, index, TensorGeometry.Images(values.index_select(0, index), transforms, plan.Fill));
        }
        foreach (var step in plan.Colors)
            values = ColorOperations.Apply(values, step.AsSpan(first, count));
        return values;
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
