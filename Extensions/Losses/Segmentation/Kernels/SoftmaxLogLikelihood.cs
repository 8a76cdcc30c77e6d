using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>What reads class indices: the loss that errors name, and the index that counts nowhere.</summary>
internal sealed record IndexOptions(Loss Loss, long? Ignored);

/// <summary>
/// ln p_y of the softmax (C = 1: of one sigmoid with indices 0 and 1) at every pixel in one pass over the logits, and its gradient in another, on the CPU; no tensor of the logits' size is made but the
/// gradient.
/// </summary>
internal sealed class SoftmaxLogLikelihood : PixelFunction<SoftmaxLogLikelihood, IndexOptions>
{
    /// <summary>ln p_y, [N, S]; 0 where ignored.</summary>
    /// <param name="scores">[N, C, S].</param>
    /// <param name="indices">Classes, [N, S].</param>
    /// <param name="options">What is ignored.</param>
    public static Tensor Of(Tensor scores, Tensor indices, IndexOptions options) =>
        scores.device_type == DeviceType.CPU
            ? Apply(scores, indices, options)
            : ByTensors(AsScores(scores, indices), indices, options.Ignored);

    /// <summary>The same by tensor operations, on any device and differentiable any number of times.</summary>
    internal static Tensor ByTensors(Tensor scores, Tensor indices, long? ignored)
    {
        var none = ignored is null ? null : indices.eq(ignored.Value);
        var safe = none is null ? indices : indices.masked_fill(none, 0);
        var values =
            scores.shape[1] == 1
                ? nn
                    .functional.binary_cross_entropy_with_logits(scores.squeeze(1), safe.to(scores.dtype), reduction: nn.Reduction.None)
                    .neg()
                : nn.functional.log_softmax(scores, 1).gather(1, safe.unsqueeze(1)).squeeze(1);
        return none is null ? values : values.masked_fill(none, 0);
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, IndexOptions options) =>
        ByTensors(scores, indices, options.Ignored);

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, IndexOptions options)
    {
        var values = empty(pixels.Indices.shape, pixels.Scores.dtype);
        var (result, all) = (new TensorMemory<T>(values), new CostOptions(options.Loss, options.Ignored));
        pixels.ForEachRun(
            softmax => new CostBlock<T>(pixels, softmax, all, null),
            (r, costs) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(costs.Softmax.Capacity))
                {
                    if (pixels.Classes > 1)
                        costs.Softmax.Exponentiate(pixels, block);
                    costs.Load(block);
                    var of = pixels.Of(result, block);
                    TensorPrimitives.Multiply(costs.Costs, costs.Weights, of);
                    TensorPrimitives.Negate(of, of);
                }
            }
        );
        GC.KeepAlive(values);
        return (values, null);
    }

    // d ln p_y / dx_c = [y = c] - p_c.
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, IndexOptions options, Tensor outer, TensorMemory<T> gradient)
    {
        var slopes = new TensorMemory<T>(outer);
        if (pixels.Classes == 1)
        {
            OfOneLogit(pixels, options, slopes, gradient);
            GC.KeepAlive(outer);
            return;
        }
        pixels.ForEachBlock(
            options.Ignored,
            (block, softmax) =>
            {
                var y = pixels.Targets(block);
                var slope = pixels.Of(slopes, block);
                var minus = softmax.First;
                TensorPrimitives.Negate(slope, minus);
                for (var c = 0; c < pixels.Classes; c++)
                    TensorPrimitives.Multiply(softmax[c], minus, gradient[pixels.Place(block, c), block.Length]);
                for (var i = 0; i < y.Length; i++)
                    if (y[i] != options.Ignored)
                        gradient[pixels.Place(block, y[i]) + i] += slope[i];
            }
        );
        GC.KeepAlive(outer);
    }

    private static void OfOneLogit<T>(PixelScan<T> pixels, IndexOptions options, TensorMemory<T> slopes, TensorMemory<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        pixels.ForEachRun(
            softmax => new CostBlock<T>(pixels, softmax, new(options.Loss, options.Ignored), null),
            (r, costs) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(costs.Softmax.Capacity))
                {
                    costs.Load(block, withCosts: false);
                    var x = gradient[pixels.Place(block, 0), block.Length];
                    costs.OfLogit(pixels.Of(slopes, block), x);
                    TensorPrimitives.Negate(x, x);
                }
            }
        );
}
