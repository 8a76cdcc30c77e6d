using System.Buffers;
using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The sums of the centerline Dice loss for class indices, or labels of one class, on the CPU, a band of a class of an image at a time: skeletons are made again for the gradient, which
/// is the only tensor of the logits' size. The same numbers as <see cref="OfMasks"/>.
/// </summary>
internal sealed class CenterlineSums : PixelFunction<CenterlineSums, CenterlineSums.Options>
{
    /// <param name="Loss">Named by errors.</param>
    /// <param name="Ignored">The index that counts nowhere.</param>
    /// <param name="FirstClass">The first class that counts.</param>
    /// <param name="Shape">The spatial axes, one to three.</param>
    /// <param name="Iterations">How often masks are eroded.</param>
    internal sealed record Options(Loss Loss, long? Ignored, int FirstClass, int[] Shape, int Iterations);

    private const int Rows = 6;

    /// <summary>Of every image and class, with S the skeleton: sum S(p) y, sum S(p), sum S(y) p, sum S(y), sum y and the valid pixels, [6, N, C'].</summary>
    public static Tensor Of(Tensor scores, Tensor indices, Options options) => Apply(scores, indices, options);

    /// <summary>The same by tensor operations, differentiable any number of times.</summary>
    /// <param name="p">[N, C', ...], 0 where ignored.</param>
    /// <param name="y">[N, C', ...].</param>
    /// <param name="valid">1 where a pixel counts, broadcastable.</param>
    /// <param name="iterations">How often masks are eroded.</param>
    public static Tensor OfMasks(Tensor p, Tensor y, Tensor valid, int iterations)
    {
        var (masked, known) = (Planes(p), Planes(y));
        // A skeleton holds some forty tensors of its mask's size while it waits for the gradient: a few classes of an image at a time.
        var sums = PartByPart.Of(
            masked,
            PartByPart.Length(masked),
            (part, others) =>
            {
                var (skeleton, line) = (SoftSkeleton.Of(part, iterations), SoftSkeleton.Of(others[0], iterations));
                return stack([Sum(skeleton * others[0]), Sum(skeleton), Sum(line * part), Sum(line)], 1);
            },
            known
        );
        var rows = sums.transpose(0, 1).reshape(4, y.shape[0], y.shape[1]);
        return cat([rows, stack([Sum(known), Sum(Planes(valid.expand(y.shape)))]).reshape(2, y.shape[0], y.shape[1])]);
    }

    // [N, C, ...] as [N C, 1, ...]: each class of each image by itself.
    private static Tensor Planes(Tensor values) => values.reshape([-1, 1, .. values.shape.AsSpan(2)]);

    private static Tensor Sum(Tensor planes) => planes.flatten(1).sum(1);

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options)
    {
        var (images, classes, first) = (scores.shape[0], scores.shape[1], options.FirstClass);
        var p = classes == 1 ? scores.sigmoid() : nn.functional.softmax(scores, 1).narrow(1, first, classes - first);
        var valid = (options.Ignored is { } none ? indices.ne(none) : ones_like(indices, ScalarType.Bool)).unsqueeze(1);
        var labels = classes == 1 ? indices.unsqueeze(1) : indices.unsqueeze(1).eq(arange(first, classes, ScalarType.Int64).view(1, -1, 1));
        var y = labels.to(scores.dtype) * valid;
        long[] Spatial(Tensor of) => [images, of.shape[1], .. options.Shape.Select(size => (long)size)];
        var weight = valid.to(scores.dtype);
        return OfMasks((p * weight).view(Spatial(p)), y.view(Spatial(y)), weight.view(Spatial(weight)), options.Iterations);
    }

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var (images, classes) = (pixels.Images, pixels.Classes - options.FirstClass);
        var bands = new Bands(options.Shape, options.Iterations + 2, margins: 1);
        var parts = new double[images * classes * bands.Count][];
        using var softmax = new ClassProbabilities<T>(pixels, options.Loss, options.Ignored);
        CpuWork.For(
            parts.Length,
            job =>
            {
                var (plane, band) = (job / bands.Count, bands[job % bands.Count]);
                var (n, c) = (plane / classes, plane % classes + options.FirstClass);
                var inner = band.Inner(0);
                using var skeleton = new PlaneSkeleton<T>(band.Shape, options.Iterations);
                var size = skeleton.Mask[inner].Length;
                // Of the target, while the skeleton of the probabilities is made.
                var room = ArrayPool<T>.Shared.Rent(2 * size);
                var mask = room.AsSpan(0, size);
                var line = room.AsSpan(size, size);
                softmax.Targets(n, c, band.From, skeleton.Mask);
                skeleton.Mask[inner].CopyTo(mask);
                var isThere = TensorPrimitives.Max<T>(skeleton.Mask) > T.Zero; // nothing has no skeleton
                (isThere ? skeleton.Forward() : skeleton.Mask)[inner].CopyTo(line);
                softmax.Probabilities(n, c, band.From, skeleton.Mask);
                var path = skeleton.Forward()[inner];
                parts[job] = [Dot(path, mask), Total(path), Dot<T>(line, skeleton.Mask[inner]), Total<T>(line), Total<T>(mask)];
                ArrayPool<T>.Shared.Return(room);
            }
        );
        var sums = new double[Rows, images, classes];
        for (var job = 0; job < parts.Length; job++)
        for (var row = 0; row < Rows - 1; row++)
            sums[row, job / bands.Count / classes, job / bands.Count % classes] += parts[job][row];
        for (var n = 0; n < images; n++)
        for (var k = 0; k < classes; k++)
            sums[Rows - 1, n, k] = softmax.Valid(n);
        return (tensor(sums, pixels.Scores.dtype), null);
    }

    // dl/dp of a class from its two skeletons; then dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k).
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var (images, first, length) = (pixels.Images, options.FirstClass, checked((int)pixels.Pixels));
        var classes = pixels.Classes - first;
        var slopes = outer.contiguous().data<T>().ToArray();
        Span<T> Place(int n, int c) => gradient[(n * (long)pixels.Classes + c) * length, length];
        // Skeletons next to a band depend on its mask too, and on what is as far from them.
        var bands = new Bands(options.Shape, options.Iterations + 2, margins: 2);
        using (var softmax = new ClassProbabilities<T>(pixels, options.Loss, options.Ignored))
            CpuWork.For(
                images * classes * bands.Count,
                job =>
                {
                    var (plane, band) = (job / bands.Count, bands[job % bands.Count]);
                    var (n, c) = (plane / classes, plane % classes + first);
                    T Slope(int row) => slopes[row * images * classes + plane];
                    using var skeleton = new PlaneSkeleton<T>(band.Shape, options.Iterations);
                    var room = ArrayPool<T>.Shared.Rent(skeleton.Mask.Length);
                    var result = room.AsSpan(0, skeleton.Mask.Length);
                    // d/dS(p) = slope 0 times y + slope 1
                    softmax.Targets(n, c, band.From, result);
                    TensorPrimitives.Multiply(result, Slope(0), result);
                    TensorPrimitives.Add(result, Slope(1), result);
                    result[..band.Inner(1).Start.Value].Clear();
                    result[band.Inner(1).End.Value..].Clear();
                    softmax.Probabilities(n, c, band.From, skeleton.Mask);
                    skeleton.Forward();
                    skeleton.Backward(result, result);
                    // d/dp directly = slope 2 times S(y)
                    softmax.Targets(n, c, band.From, skeleton.Mask);
                    TensorPrimitives.MultiplyAdd(skeleton.Forward(), Slope(2), result, result);
                    var inner = result[band.Inner(0)];
                    inner.CopyTo(Place(n, c).Slice(band.From + band.Inner(0).Start.Value, inner.Length));
                    ArrayPool<T>.Shared.Return(room);
                }
            );
        for (var n = 0; n < images; n++)
        for (var c = 0; c < first; c++)
            Place(n, c).Clear();
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var mean = softmax.First;
                mean.Clear();
                for (var c = first; c < pixels.Classes; c++)
                    TensorPrimitives.MultiplyAdd(gradient[pixels.Place(block, c), block.Length], softmax[c], mean, mean);
                for (var c = 0; c < pixels.Classes; c++)
                {
                    var x = gradient[pixels.Place(block, c), block.Length];
                    TensorPrimitives.Subtract(x, mean, x);
                    TensorPrimitives.Multiply(x, softmax[c], x);
                }
            }
        );
    }

    // Sums in double: a float would lose small regions in large images.
    private static double Total<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var total = 0.0;
        for (; !values.IsEmpty; values = values[Math.Min(1024, values.Length)..])
            total += double.CreateTruncating(TensorPrimitives.Sum(values[..Math.Min(1024, values.Length)]));
        return total;
    }

    private static double Dot<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var total = 0.0;
        for (var from = 0; from < a.Length; from += 1024)
        {
            var length = Math.Min(1024, a.Length - from);
            total += double.CreateTruncating(TensorPrimitives.Dot(a.Slice(from, length), b.Slice(from, length)));
        }
        return total;
    }
}
