using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The exact Euclidean distance transform: for each pixel of a mask the distance to the nearest pixel outside it, between pixel centres. Linear in the
/// number of pixels, for any number of axes, on the CPU, on as many threads as torch may use. Felzenszwalb and Huttenlocher 2012: one pass an axis over
/// squared distances, the lower envelope of parabolas, then one square root.
/// </summary>
public static class DistanceTransform
{
    /// <summary>The distance of each nonzero pixel to the nearest zero pixel of its image.</summary>
    /// <param name="mask">[..., spatial axes] of any type; leading axes hold independent images. NaN counts as nonzero.</param>
    /// <param name="axes">How many of the last axes are spatial: 2 for [N, H, W], 3 for [N, D, H, W].</param>
    /// <param name="spacing">The distance of neighbouring pixels along each spatial axis; null: 1.</param>
    /// <param name="dtype">Float32 or Float64.</param>
    /// <returns>Of the mask's shape, on its device: 0 at zero pixels; 0 everywhere in an image without a zero pixel, where no distance exists.</returns>
    /// <exception cref="ArgumentException">The axes, the spacing or the type do not fit.</exception>
    public static Tensor Euclidean(Tensor mask, int axes = 2, IReadOnlyList<double>? spacing = null, ScalarType dtype = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if (axes < 1 || axes > mask.dim())
            throw new ArgumentException($"axes must lie in [1, {mask.dim()}], the number of the mask's axes; it is {axes}.", nameof(axes));
        if (dtype is not (ScalarType.Float32 or ScalarType.Float64))
            throw new ArgumentException($"dtype must be Float32 or Float64; it is {dtype}.", nameof(dtype));
        var steps = Steps(spacing, axes, nameof(spacing));
        using var scope = NewDisposeScope();
        var inside = mask.detach().ne(0).cpu().contiguous();
        var result = empty(mask.shape, dtype, CPU);
        if (dtype == ScalarType.Float64)
            Transform<double>(inside, result, axes, steps);
        else
            Transform<float>(inside, result, axes, steps);
        return result.to(mask.device).MoveToOuterDisposeScope();
    }

    /// <summary>The spacing of each axis, checked.</summary>
    internal static double[] Steps(IReadOnlyList<double>? spacing, int axes, string argument)
    {
        if (spacing is null)
            return [.. Enumerable.Repeat(1.0, axes)];
        if (spacing.Count != axes || spacing.Any(step => !(step > 0 && double.IsFinite(step))))
            throw new ArgumentException(
                $"The spacing needs {axes} positive numbers, one a spatial axis; it is [{string.Join(", ", spacing)}].",
                argument
            );
        return [.. spacing];
    }

    private static void Transform<T>(Tensor inside, Tensor result, int axes, double[] steps)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var shape = inside.shape.AsSpan(^axes).ToArray().Select(size => (int)size).ToArray();
        var pixels = shape.Aggregate(1, (product, size) => checked(product * size));
        if (pixels == 0)
            return;
        var images = (int)(inside.numel() / pixels);
        var (mask, distances) = (new TensorMemory<byte>(inside), new TensorMemory<T>(result));
        void Image(int image, bool parallel)
        {
            var field = new double[pixels];
            var source = mask[(long)image * pixels, pixels];
            for (var i = 0; i < pixels; i++)
                field[i] = source[i] == 0 ? 0 : double.PositiveInfinity;
            Squared(field, shape, steps, parallel);
            var target = distances[(long)image * pixels, pixels];
            if (double.IsPositiveInfinity(field[0]))
                target.Clear();
            else
                for (var i = 0; i < pixels; i++)
                    target[i] = T.CreateTruncating(Math.Sqrt(field[i]));
        }
        if (images >= get_num_threads())
            CpuWork.For(images, image => Image(image, parallel: false));
        else
            for (var image = 0; image < images; image++)
                Image(image, parallel: true);
        GC.KeepAlive(inside);
        GC.KeepAlive(result);
    }

    /// <summary>
    /// Replaces a field that is 0 at some pixels and infinite at all others by the squared distance to the nearest 0; infinite everywhere where there is none.
    /// </summary>
    internal static void Squared(double[] field, int[] shape, double[] steps, bool parallel)
    {
        var stride = 1;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            var (size, step, first) = (shape[axis], steps[axis], axis == shape.Length - 1);
            if (first)
                Lines(field.Length / size, parallel, (from, to) => Rows(field, size, step, from, to));
            else if (size > 1)
            {
                var apart = stride;
                Lines(field.Length / size, parallel, (from, to) => Envelopes(field, size, apart, step * step, from, to));
            }
            stride *= size;
        }
    }

    private static void Lines(int count, bool parallel, Action<int, int> range)
    {
        var ranges = parallel ? Math.Min(count, 4 * get_num_threads()) : 1;
        CpuWork.For(ranges, r => range((int)((long)count * r / ranges), (int)((long)count * (r + 1) / ranges)));
    }

    // Along the last axis the nearest 0 is the last one passed, from the left or from the right.
    private static void Rows(double[] field, int size, double step, int from, int to)
    {
        for (var row = from; row < to; row++)
        {
            var line = field.AsSpan(row * size, size);
            var passed = -1;
            for (var i = 0; i < size; i++)
                if (line[i] == 0)
                    passed = i;
                else if (passed >= 0)
                    line[i] = i - passed;
            passed = -1;
            for (var i = size - 1; i >= 0; i--)
                if (line[i] == 0)
                    passed = i;
                else
                {
                    var nearest = passed >= 0 ? Math.Min(line[i], passed - i) : line[i];
                    line[i] = nearest * step * (nearest * step);
                }
        }
    }

    // Along another axis each pixel q of a line is the apex of a parabola height(q) + (x - q)^2 step^2; their lower envelope is the result.
    private static void Envelopes(double[] field, int size, int stride, double squaredStep, int from, int to)
    {
        var (heights, starts, apexes) = (new double[size], new double[size], new int[size]);
        for (var line = from; line < to; line++)
        {
            var first = line / stride * stride * size + line % stride;
            var last = -1;
            for (var q = 0; q < size; q++)
            {
                var height = heights[q] = field[first + q * stride];
                if (double.IsPositiveInfinity(height))
                    continue;
                var start = double.NegativeInfinity;
                while (last >= 0)
                {
                    var other = apexes[last];
                    start = ((height - heights[other]) / (squaredStep * (q - other)) + q + other) / 2;
                    if (start > starts[last])
                        break;
                    last--;
                }
                last++;
                (apexes[last], starts[last]) = (q, start);
            }
            if (last < 0)
                continue;
            var lowest = 0;
            for (var q = 0; q < size; q++)
            {
                while (lowest < last && starts[lowest + 1] < q)
                    lowest++;
                double away = q - apexes[lowest];
                field[first + q * stride] = away * away * squaredStep + heights[apexes[lowest]];
            }
        }
    }
}
