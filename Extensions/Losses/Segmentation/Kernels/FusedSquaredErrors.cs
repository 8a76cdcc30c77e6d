using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// Softmax (of one class: sigmoid) and the squared errors of every class on its own pixels and on those of others in one pass over the logits, and their gradient in another, on the
/// CPU: no tensor of the size of the logits is made but the gradient.
/// </summary>
internal sealed class FusedSquaredErrors : PixelFunction<FusedSquaredErrors, IndexOptions>
{
    /// <summary>sum y (1 - p)^2, sum (1 - y) p^2, sum y and the valid pixels of every image and class, [4, N, C].</summary>
    /// <param name="scores">[N, C, ...].</param>
    /// <param name="indices">Classes, [N, S]; 0 and 1 for C = 1.</param>
    /// <param name="options">What is ignored.</param>
    public static Tensor Of(Tensor scores, Tensor indices, IndexOptions options) =>
        scores.device_type == DeviceType.CPU
            ? Apply(scores, indices, options)
            : ByTensors(AsScores(scores, indices), indices, options.Ignored);

    /// <summary>The same by tensor operations, on any device and differentiable any number of times.</summary>
    internal static Tensor ByTensors(Tensor scores, Tensor indices, long? ignored)
    {
        var counted = ignored is null ? ones_like(indices, ScalarType.Bool) : indices.ne(ignored.Value);
        var (valid, safe) = (counted.to(scores.dtype), indices.masked_fill(counted.logical_not(), 0));
        if (scores.shape[1] == 1)
        {
            var y = safe.to(scores.dtype);
            var squares = (scores.sigmoid().squeeze(1) - y).square() * valid;
            return stack([(squares * y).sum(1), (squares * (1 - y)).sum(1), y.sum(1), valid.sum(1)]).unsqueeze(2);
        }
        var p = nn.functional.softmax(scores, 1);
        var missed = (1 - p.gather(1, safe.unsqueeze(1)).squeeze(1)).square() * valid;
        var elsewhere = p.scatter(1, safe.unsqueeze(1), zeros_like(missed).unsqueeze(1)).square().bmm(valid.unsqueeze(2)).squeeze(2);
        var cells = zeros_like(elsewhere).detach();
        return stack([
            cells.scatter_add(1, safe, missed),
            elsewhere,
            cells.scatter_add(1, safe, valid),
            valid.sum(1, keepdim: true).expand(cells.shape),
        ]);
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, IndexOptions options) =>
        ByTensors(scores, indices, options.Ignored);

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, IndexOptions options)
    {
        var (images, classes) = (pixels.Images, pixels.Classes);
        var (first, indices) = (First(classes), Math.Max(2, classes));
        var parts = new double[pixels.Runs.Length][]; // sums of a run, in double: a float would lose small regions in large images
        pixels.ForEachRun(
            (r, softmax) =>
            {
                var part = parts[r] = new double[4 * classes];
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    softmax.Load(pixels, block, options.Ignored);
                    var y = pixels.Targets(block);
                    for (var i = 0; i < y.Length; i++)
                    {
                        if (y[i] == options.Ignored)
                            continue;
                        if ((ulong)y[i] >= (ulong)indices)
                            throw Shapes.WrongIndex(options.Loss, y[i], indices, options.Ignored);
                        part[3 * classes]++;
                        var c = (int)y[i] - first;
                        if (c < 0)
                            continue;
                        var miss = double.CreateTruncating(T.One - softmax.At(c, i));
                        part[c] += miss * miss;
                        part[2 * classes + c]++;
                        softmax[c][i] = T.Zero;
                    }
                    for (var c = 0; c < classes; c++)
                        part[classes + c] += double.CreateTruncating(TensorPrimitives.SumOfSquares<T>(softmax[c]));
                }
            }
        );
        var sums = new double[4, images, classes];
        for (var r = 0; r < parts.Length; r++)
        for (var c = 0; c < classes; c++)
        {
            for (var row = 0; row < 3; row++)
                sums[row, pixels.Runs[r].Image, c] += parts[r][row * classes + c];
            sums[3, pixels.Runs[r].Image, c] += parts[r][3 * classes];
        }
        return (tensor(sums, pixels.Scores.dtype), null);
    }

    // dl/dp_c = 2 E'_c p_c, and of the pixel's own class -2 M'_y (1 - p_y); dl/dx_c = p_c (dl/dp_c - sum_k p_k dl/dp_k).
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, IndexOptions options, Tensor outer, TensorMemory<T> gradient)
    {
        var classes = pixels.Classes;
        var first = First(classes);
        var missed = (outer[0] * -2).contiguous().data<T>().ToArray();
        var elsewhere = (outer[1] * 2).contiguous().data<T>().ToArray();
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var miss = missed.AsSpan(block.Image * classes, classes);
                var other = elsewhere.AsSpan(block.Image * classes, classes);
                var own = softmax.First;
                var mean = softmax.Second;
                var y = pixels.Targets(block);
                for (var i = 0; i < y.Length; i++)
                {
                    (own[i], mean[i]) = (T.Zero, T.Zero);
                    var c = (int)y[i] - first;
                    if (y[i] == options.Ignored || c < 0)
                        continue;
                    own[i] = softmax.At(c, i);
                    mean[i] = own[i] * miss[c] * (T.One - own[i]);
                    softmax[c][i] = T.Zero;
                }
                for (var c = 0; c < classes; c++)
                {
                    var x = gradient[pixels.Place(block, c), block.Length];
                    TensorPrimitives.Multiply(softmax[c], other[c], x);
                    TensorPrimitives.MultiplyAdd(x, softmax[c], mean, mean);
                }
                for (var c = 0; c < classes; c++)
                {
                    var x = gradient[pixels.Place(block, c), block.Length];
                    TensorPrimitives.Subtract(x, mean, x);
                    TensorPrimitives.Multiply(x, softmax[c], x);
                }
                for (var i = 0; i < y.Length; i++)
                    if (y[i] != options.Ignored && y[i] >= first)
                        gradient[pixels.Place(block, y[i] - first) + i] = own[i] * (miss[(int)y[i] - first] * (T.One - own[i]) - mean[i]);
            }
        );
    }

    // The target whose probability is row 0: one sigmoid gives that of target 1.
    private static int First(int classes) => classes == 1 ? 1 : 0;
}
