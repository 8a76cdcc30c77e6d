using System.Buffers;
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
            using var room = Room(pixels);
            var field = new TensorMemory<double>(room);
            var first = (long)image * pixels;
            InRanges(pixels, parallel, (from, to) => Load(mask[first + from, to - from], field[from, to - from]));
            Squared(field, pixels, shape, steps, parallel);
            if (double.IsPositiveInfinity(field[0]))
                distances[first, pixels].Clear();
            else
                InRanges(pixels, parallel, (from, to) => Roots(field[from, to - from], distances[first + from, to - from]));
        }
        ForEachImage(images, Image);
        GC.KeepAlive(inside);
        GC.KeepAlive(result);
    }

    /// <summary>Room for a field. A new array of this size would wake the full garbage collection, and a pool would keep it.</summary>
    internal static Tensor Room(int pixels) => empty(pixels, ScalarType.Float64);

    /// <summary>
    /// Works on images at once where they are so many that what is held of those is little beside all, else one after the other, each on several threads.
    /// </summary>
    internal static void ForEachImage(int images, Action<int, bool> work)
    {
        if (images >= 4 * get_num_threads())
            CpuWork.For(images, image => work(image, false));
        else
            for (var image = 0; image < images; image++)
                work(image, true);
    }

    private static void Load(ReadOnlySpan<byte> mask, Span<double> field)
    {
        for (var i = 0; i < mask.Length; i++)
            field[i] = mask[i] == 0 ? 0 : double.PositiveInfinity;
    }

    private static void Roots<T>(ReadOnlySpan<double> squares, Span<T> distances)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < distances.Length; i++)
            distances[i] = T.CreateTruncating(Math.Sqrt(squares[i]));
    }

    /// <summary>
    /// Replaces a field that is 0 at some pixels and infinite at all others by the squared distance to the nearest 0; infinite everywhere where there is none.
    /// </summary>
    internal static void Squared(TensorMemory<double> field, int pixels, int[] shape, double[] steps, bool parallel)
    {
        var stride = 1;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            var (size, step, first) = (shape[axis], steps[axis], axis == shape.Length - 1);
            if (first)
                InRanges(pixels / size, parallel, (from, to) => Rows(field, size, step, from, to));
            else if (size > 1)
            {
                var apart = stride;
                InRanges(pixels / size, parallel, (from, to) => Envelopes(field, size, apart, step * step, from, to));
            }
            stride *= size;
        }
    }

    /// <summary>Works on ranges of items, on one thread or several.</summary>
    internal static void InRanges(int count, bool parallel, Action<int, int> range)
    {
        var ranges = parallel ? Math.Min(count, 4 * get_num_threads()) : 1;
        CpuWork.For(ranges, r => range((int)((long)count * r / ranges), (int)((long)count * (r + 1) / ranges)));
    }

    // Along the last axis the nearest 0 is the last one passed, from the left or from the right.
    private static void Rows(TensorMemory<double> field, int size, double step, int from, int to)
    {
        for (var row = from; row < to; row++)
        {
            var line = field[row * size, size];
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

    // Along another axis each pixel q of a line is the apex of a parabola height(q) + (x - q)^2 step^2; their lower envelope is the result. Between two zeros
    // of a line nothing beyond them is nearer: each run of other pixels is a line of its own, with the zeros at its ends.
    private static void Envelopes(TensorMemory<double> field, int size, int stride, double squaredStep, int from, int to)
    {
        var (heights, starts) = (ArrayPool<double>.Shared.Rent(size), ArrayPool<double>.Shared.Rent(size));
        var apexes = ArrayPool<int>.Shared.Rent(size);
        for (var line = from; line < to; line++)
        {
            var first = line / stride * stride * size + line % stride;
            for (var q = 0; q < size; q++)
                heights[q] = field[first + q * stride];
            for (var q = 0; q < size; q++)
            {
                if (heights[q] == 0)
                    continue;
                var end = q + 1;
                while (end < size && heights[end] != 0)
                    end++;
                var last = Envelope(heights, starts, apexes, Math.Max(0, q - 1), Math.Min(size, end + 1), squaredStep);
                for (var lowest = 0; q < end && last >= 0; q++)
                {
                    while (lowest < last && starts[lowest + 1] < q)
                        lowest++;
                    double away = q - apexes[lowest];
                    field[first + q * stride] = away * away * squaredStep + heights[apexes[lowest]];
                }
                q = end;
            }
        }
        ArrayPool<double>.Shared.Return(heights);
        ArrayPool<double>.Shared.Return(starts);
        ArrayPool<int>.Shared.Return(apexes);
    }

    // The parabolas of the envelope of pixels [from, to): their apexes, and from where each is the lowest. Returns the last one's number, -1 for none.
    private static int Envelope(double[] heights, double[] starts, int[] apexes, int from, int to, double squaredStep)
    {
        var last = -1;
        for (var q = from; q < to; q++)
        {
            var height = heights[q];
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
        return last;
    }
}
