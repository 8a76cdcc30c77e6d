using System.Buffers;
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
                var objects = ArrayPool<int>.Shared.Rent(pixels);
                var count = ConnectedComponents.Label(source[first, pixels], shape, ignored, objects.AsSpan(0, pixels));
                if (count > 1)
                {
                    // Of squared distances: to the nearest object; that to the second nearest is where the result will be.
                    var nearest = ArrayPool<T>.Shared.Rent(pixels);
                    TwoNearest(objects, count, shape, steps, parallel, nearest, (from, length) => result[first + from, length]);
                    DistanceTransform.InRanges(
                        pixels,
                        parallel,
                        (from, to) =>
                        {
                            var y = source[first + from, to - from];
                            var border = result[first + from, to - from];
                            for (var i = 0; i < y.Length; i++)
                                border[i] = y[i] == 0 && ignored != 0 ? Height(nearest[from + i], border[i], sigma) : T.Zero;
                        }
                    );
                    ArrayPool<T>.Shared.Return(nearest);
                }
                ArrayPool<int>.Shared.Return(objects);
            }
        );
        GC.KeepAlive(targets);
        GC.KeepAlive(map);
    }

    private static T Height<T>(T nearest, T second, double sigma)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = Math.Sqrt(double.CreateTruncating(nearest)) + Math.Sqrt(double.CreateTruncating(second));
        return T.CreateTruncating(Math.Exp(-(sum * sum) / (2 * sigma * sigma)));
    }

    private delegate Span<T> Part<T>(int from, int length);

    // For each bit of the objects' numbers, the distance to the nearest object with and without it: the nearest object is in one of the groups, so the
    // larger distance leads to another object, and some bit tells the nearest object from the second nearest. 2 log2(count) distance transforms, squared.
    private static void TwoNearest<T>(int[] objects, int count, int[] shape, double[] steps, bool parallel, T[] nearest, Part<T> second)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var pixels = shape.Aggregate(1, (product, size) => product * size);
        var (field, with) = (ArrayPool<double>.Shared.Rent(pixels), ArrayPool<T>.Shared.Rent(pixels));
        void Transform(int bit, bool set)
        {
            DistanceTransform.InRanges(
                pixels,
                parallel,
                (from, to) =>
                {
                    for (var i = from; i < to; i++)
                        field[i] = objects[i] > 0 && ((objects[i] - 1 & bit) != 0) == set ? 0 : double.PositiveInfinity;
                }
            );
            DistanceTransform.Squared(field, pixels, shape, steps, parallel);
        }
        for (var bit = 1; bit < count; bit <<= 1)
        {
            var first = bit == 1;
            Transform(bit, set: true);
            DistanceTransform.InRanges(
                pixels,
                parallel,
                (from, to) => TensorPrimitives.ConvertTruncating<double, T>(field.AsSpan(from, to - from), with.AsSpan(from, to - from))
            );
            Transform(bit, set: false);
            DistanceTransform.InRanges(
                pixels,
                parallel,
                (from, to) =>
                {
                    var result = second(from, to - from);
                    for (var i = from; i < to; i++)
                    {
                        var (a, b) = (with[i], T.CreateTruncating(field[i]));
                        result[i - from] = first ? T.Max(a, b) : T.Min(result[i - from], T.Max(a, b));
                        if (first)
                            nearest[i] = T.Min(a, b);
                    }
                }
            );
        }
        ArrayPool<double>.Shared.Return(field);
        ArrayPool<T>.Shared.Return(with);
    }
}
