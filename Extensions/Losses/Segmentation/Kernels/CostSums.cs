using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The weighed costs w f(n) of pixels, n = -ln p_y, and their weights w, added up over each image in one pass over the logits on the CPU, and the gradient in
/// another: no tensor of the pixels is made but the gradient.
/// </summary>
internal sealed class CostSums : PixelFunction<CostSums, CostOptions>
{
    /// <summary>sum w f(n) and sum w of every image, [2, N].</summary>
    /// <param name="logits">[N, C, ...]; C = 1: of one sigmoid with indices 0 and 1.</param>
    /// <param name="indices">[N, S].</param>
    /// <param name="options">The weights and the curve.</param>
    public static Tensor Of(Tensor logits, Tensor indices, CostOptions options) =>
        logits.device_type == DeviceType.CPU
            ? Apply(logits, indices, options)
            : options.ByTensors(AsScores(logits, indices), indices, options.PixelWeights);

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, CostOptions options) =>
        options.ByTensors(scores, indices, kept);

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, CostOptions options)
    {
        var parts = new (double Costs, double Weights)[pixels.Runs.Length];
        pixels.ForEachRun(
            softmax => new CostBlock<T>(pixels, softmax, options, options.PixelWeights),
            (r, costs) =>
            {
                foreach (var block in pixels.Runs[r].Blocks(costs.Softmax.Capacity))
                {
                    if (pixels.Classes > 1)
                        costs.Softmax.Exponentiate(pixels, block);
                    costs.Load(block);
                    parts[r].Costs += costs.Sum();
                    parts[r].Weights += costs.WeightSum();
                }
            }
        );
        GC.KeepAlive(options.PixelWeights);
        var sums = new double[2, pixels.Images];
        for (var r = 0; r < parts.Length; r++)
        {
            sums[0, pixels.Runs[r].Image] += parts[r].Costs;
            sums[1, pixels.Runs[r].Image] += parts[r].Weights;
        }
        return (tensor(sums, pixels.Scores.dtype), options.PixelWeights);
    }

    // d n / dx_c = p_c - [y = c].
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, CostOptions options, Tensor outer, TensorMemory<T> gradient)
    {
        var factors = outer.data<T>().ToArray();
        pixels.ForEachRun(
            softmax => new CostBlock<T>(pixels, softmax, options, kept),
            (r, costs) =>
            {
                var softmax = costs.Softmax;
                foreach (var block in pixels.Runs[r].Blocks(softmax.Capacity))
                {
                    if (pixels.Classes > 1)
                        softmax.Exponentiate(pixels, block);
                    costs.Load(block, withCosts: options.Curve is not null);
                    var slopes = costs.Slopes(factors[block.Image]);
                    if (pixels.Classes == 1)
                    {
                        costs.OfLogit(slopes, gradient[pixels.Place(block, 0), block.Length]);
                        continue;
                    }
                    softmax.Normalise(pixels, block, options.Ignored);
                    for (var c = 0; c < pixels.Classes; c++)
                        TensorPrimitives.Multiply(softmax[c], slopes, gradient[pixels.Place(block, c), block.Length]);
                    var y = pixels.Targets(block);
                    for (var i = 0; i < y.Length; i++)
                        if (y[i] != options.Ignored)
                            gradient[pixels.Place(block, y[i]) + i] -= slopes[i];
                }
            }
        );
        GC.KeepAlive(kept);
    }
}
