using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>What reads class indices: the loss that errors name, and the index that counts nowhere.</summary>
internal sealed record IndexOptions(Loss Loss, long? Ignored);

/// <summary>
/// ln p_y of the softmax at every pixel in one pass over the logits, and its gradient in another, on the CPU; no tensor of the logits' size is made but the
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
        var values = nn.functional.log_softmax(scores, 1).gather(1, safe.unsqueeze(1)).squeeze(1);
        return none is null ? values : values.masked_fill(none, 0);
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, IndexOptions options) =>
        ByTensors(scores, indices, options.Ignored);

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, IndexOptions options)
    {
        var values = zeros(pixels.Indices.shape, pixels.Scores.dtype);
        var result = new TensorMemory<T>(values);
        pixels.ForEachRun(
            (r, softmax) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    softmax.Exponentiate(pixels, block);
                    Pick(pixels, block, softmax.LogSums(), options, pixels.Of(result, block));
                }
            }
        );
        return (values, null);
    }

    /// <summary>ln p_y of a block, given ln sum_c exp(logit_c); pixels that are ignored stay as they are.</summary>
    internal static void Pick<T>(PixelScan<T> pixels, CpuWork.Run block, ReadOnlySpan<T> logSums, IndexOptions options, Span<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = pixels.Targets(block);
        for (var i = 0; i < y.Length; i++)
        {
            if (y[i] == options.Ignored)
                continue;
            if ((ulong)y[i] >= (ulong)pixels.Classes)
                throw Shapes.WrongIndex(options.Loss, y[i], pixels.Classes, options.Ignored);
            values[i] = pixels.Logits[pixels.Place(block, y[i]) + i] - logSums[i];
        }
    }

    // d ln p_y / dx_c = [y = c] - p_c.
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, IndexOptions options, Tensor outer, TensorMemory<T> gradient)
    {
        var slopes = new TensorMemory<T>(outer);
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
}
