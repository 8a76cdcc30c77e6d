using System.Numerics;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

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
        using var targets = indices.detach().to(ScalarType.Int64).cpu().contiguous();
        var shape = targets.shape.AsSpan(1).ToArray().Select(size => (int)size).ToArray();
        var steps = DistanceTransform.Steps(spacing, shape.Length, nameof(spacing));
        var map = zeros(targets.shape, like.dtype, CPU);
        if (like.dtype == ScalarType.Float64)
            Write<double>(targets, ignored, sigma, shape, steps, map);
        else
            Write<float>(targets, ignored, sigma, shape, steps, map);
        return map.to(like.device);
    }

    private static void Write<T>(Tensor targets, long ignored, double sigma, int[] shape, double[] steps, Tensor map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var pixels = shape.Aggregate(1, (product, size) => checked(product * size));
        var (source, result) = (new TensorMemory<long>(targets), new TensorMemory<T>(map));
        DistanceTransform.ForEachImage(
            (int)targets.shape[0],
            (image, parallel) =>
            {
                var first = (long)image * pixels;
                using var regions = empty(pixels, ScalarType.Int32);
                var objects = new TensorMemory<int>(regions);
                var count = ConnectedComponents.Label(source[first, pixels], shape, ignored, objects[0, pixels]);
                if (count < 2 || ignored == 0)
                    return;
                // Of squared distances: to the nearest object; that to the second nearest is where the result will be.
                using var distances = empty(pixels, map.dtype);
                var nearest = new TensorMemory<T>(distances);
                TwoNearest(objects, count, shape, steps, parallel, nearest, result, first);
                DistanceTransform.InRanges(
                    pixels,
                    parallel,
                    (from, to) => Heights(source[first + from, to - from], nearest[from, to - from], result[first + from, to - from], sigma)
                );
            }
        );
        GC.KeepAlive(targets);
        GC.KeepAlive(map);
    }

    // From the second distances, which are overwritten; 0 but for the background.
    private static void Heights<T>(ReadOnlySpan<long> classes, ReadOnlySpan<T> nearest, Span<T> second, double sigma)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var scale = -1 / (2 * sigma * sigma);
        for (var i = 0; i < second.Length; i++)
        {
            var sum = Math.Sqrt(double.CreateTruncating(nearest[i])) + Math.Sqrt(double.CreateTruncating(second[i]));
            second[i] = classes[i] == 0 ? T.CreateTruncating(Math.Exp(sum * sum * scale)) : T.Zero;
        }
    }

    private static void Load(ReadOnlySpan<int> objects, int bit, bool set, Span<double> field)
    {
        var group = set ? bit : 0;
        for (var i = 0; i < objects.Length; i++)
            field[i] = objects[i] > 0 && (objects[i] - 1 & bit) == group ? 0 : double.PositiveInfinity;
    }

    // For each bit of the objects' numbers, the distance to the nearest object with and without it: the nearest object is in one of the groups, so the
    // larger distance leads to another object, and some bit tells the nearest object from the second nearest. 2 log2(count) distance transforms, squared.
    private static void TwoNearest<T>(
        TensorMemory<int> objects,
        int count,
        int[] shape,
        double[] steps,
        bool parallel,
        TensorMemory<T> nearest,
        TensorMemory<T> second,
        long first
    )
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var pixels = shape.Aggregate(1, (product, size) => product * size);
        using var room = DistanceTransform.Room(pixels);
        var field = new TensorMemory<double>(room);
        using var others = empty(pixels, typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32);
        var with = new TensorMemory<T>(others);
        void Transform(int bit, bool set)
        {
            DistanceTransform.InRanges(pixels, parallel, (from, to) => Load(objects[from, to - from], bit, set, field[from, to - from]));
            DistanceTransform.Squared(field, pixels, shape, steps, parallel);
        }
        for (var bit = 1; bit < count; bit <<= 1)
        {
            var isFirst = bit == 1;
            Transform(bit, set: true);
            DistanceTransform.InRanges(
                pixels,
                parallel,
                (from, to) => TensorPrimitives.ConvertTruncating<double, T>(field[from, to - from], with[from, to - from])
            );
            Transform(bit, set: false);
            DistanceTransform.InRanges(
                pixels,
                parallel,
                (from, to) =>
                {
                    var near = nearest[from, to - from];
                    var far = second[first + from, to - from];
                    var of = with[from, to - from];
                    for (var i = 0; i < of.Length; i++)
                    {
                        var (a, b) = (of[i], T.CreateTruncating(field[from + i]));
                        far[i] = isFirst ? T.Max(a, b) : T.Min(far[i], T.Max(a, b));
                        if (isFirst)
                            near[i] = T.Min(a, b);
                    }
                }
            );
        }
    }
}
