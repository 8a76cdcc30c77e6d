using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// exp(-(d1 + d2)^2 / (2 sigma^2)) at background pixels, d1 and d2 the distances to the nearest and the second nearest object. Objects are connected
/// components of each foreground class, neighbours also across corners; objects of different classes are different even if they touch.
/// </summary>
internal static class BorderMap
{
    /// <param name="indices">int64 [N, ...], on any device.</param>
    /// <param name="ignored">The target of pixels that belong to nothing.</param>
    /// <param name="sigma">The width of the border.</param>
    /// <param name="spacing">The distance of neighbouring pixels along each axis, or null.</param>
    /// <param name="like">Gives type and device.</param>
    public static Tensor Of(Tensor indices, long ignored, double sigma, IReadOnlyList<double>? spacing, Tensor like)
    {
        var targets = indices.detach().to(ScalarType.Int64).cpu().contiguous();
        var shape = targets.shape.AsSpan(1).ToArray().Select(size => (int)size).ToArray();
        var pixels = shape.Aggregate(1, (product, size) => checked(product * size));
        var images = (int)targets.shape[0];
        var steps = DistanceTransform.Steps(spacing, shape.Length, nameof(spacing));
        var map = zeros(targets.shape, ScalarType.Float64, CPU);
        var (source, result) = (new TensorMemory<long>(targets), new TensorMemory<double>(map));
        CpuWork.For(
            images,
            image =>
            {
                var y = source[(long)image * pixels, pixels];
                var (objects, count) = ConnectedComponents.Label(y, shape, ignored);
                if (count < 2)
                    return;
                var border = result[(long)image * pixels, pixels];
                var (nearest, second) = TwoNearest(objects, count, shape, steps);
                for (var i = 0; i < pixels; i++)
                    if (y[i] == 0 && ignored != 0)
                    {
                        var sum = Math.Sqrt(nearest[i]) + Math.Sqrt(second[i]);
                        border[i] = Math.Exp(-(sum * sum) / (2 * sigma * sigma));
                    }
            }
        );
        GC.KeepAlive(targets);
        return map.to(like.dtype, like.device);
    }

    // For each bit of the objects' numbers, the distance to the nearest object with and without it: the nearest object is in one of the groups, so the
    // larger distance leads to another object, and some bit tells the nearest object from the second nearest. 2 log2(count) distance transforms, squared.
    private static (double[] Nearest, double[] Second) TwoNearest(int[] objects, int count, int[] shape, double[] steps)
    {
        double[]? nearest = null;
        var second = new double[objects.Length];
        Array.Fill(second, double.PositiveInfinity);
        for (var bit = 1; bit < count; bit <<= 1)
        {
            double[] To(bool set)
            {
                var field = new double[objects.Length];
                for (var i = 0; i < field.Length; i++)
                    field[i] = objects[i] > 0 && ((objects[i] - 1 & bit) != 0) == set ? 0 : double.PositiveInfinity;
                DistanceTransform.Squared(field, field.Length, shape, steps, parallel: false);
                return field;
            }
            var (with, without) = (To(true), To(false));
            for (var i = 0; i < second.Length; i++)
                second[i] = Math.Min(second[i], Math.Max(with[i], without[i]));
            if (nearest is null)
            {
                nearest = with;
                for (var i = 0; i < nearest.Length; i++)
                    nearest[i] = Math.Min(nearest[i], without[i]);
            }
        }
        return (nearest!, second);
    }
}
