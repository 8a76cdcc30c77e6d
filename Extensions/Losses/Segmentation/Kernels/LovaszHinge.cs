using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// The Lovasz extension over hinges max(0, 1 - (2y - 1) x) of one sigmoid a channel on the CPU. One tensor of the logits' size is kept for the gradient: the
/// weights, which take the place of the hinges.
/// </summary>
internal sealed class LovaszHinge : PixelFunction<LovaszHinge, LovaszHinge.Options>
{
    internal sealed record Options(long? Ignored, int Channels, bool PerImage);

    /// <summary>The value of every row and channel, [R, C], R = N or 1.</summary>
    /// <param name="logits">[N, C, ...].</param>
    /// <param name="labels">[N C, S].</param>
    /// <param name="options">How channels and images are put together.</param>
    public static Tensor Of(Tensor logits, Tensor labels, Options options) =>
        logits.device_type == DeviceType.CPU ? Apply(logits, labels, options) : ByTensors(AsScores(logits, labels), labels, options);

    /// <summary>The same by tensor operations, on any device.</summary>
    /// <param name="scores">[N C, 1, S].</param>
    /// <param name="labels">[N C, S].</param>
    /// <param name="options">How channels and images are put together.</param>
    internal static Tensor ByTensors(Tensor scores, Tensor labels, Options options)
    {
        long[] shape = [scores.shape[0] / options.Channels, options.Channels, scores.shape[2]];
        var valid = options.Ignored is { } none ? labels.ne(none) : ones_like(labels, ScalarType.Bool);
        var sign = (labels.masked_fill(valid.logical_not(), 0).to(scores.dtype) * 2 - 1).reshape(shape);
        var errors = nn.functional.relu(1 - scores.reshape(shape) * sign) * valid.reshape(shape);
        Tensor weights;
        using (no_grad())
            weights = LovaszExtension.ByTensors(errors.detach() * -sign, options.PerImage).Weights.abs();
        var values = (errors * weights).sum(2);
        return options.PerImage ? values : values.sum(0, keepdim: true);
    }

    protected override (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, Options options)
    {
        var images = pixels.Images / options.Channels;
        var rows = options.PerImage ? images : 1;
        var weights = empty(pixels.Scores.shape, pixels.Scores.dtype);
        var memory = new TensorMemory<T>(weights);
        // The sign tells the order's pixels of the class from the others: a hinge of 0 is -0 there.
        Visit(pixels, options, memory, (label, hinge, _) => label ? -hinge : hinge);
        var all = Enumerable.Range(0, rows * options.Channels).ToArray();
        var values = LovaszExtension.InPlace<T>(weights.view(images, options.Channels, pixels.Pixels), rows, all);
        Visit(pixels, options, memory, (_, hinge, weight) => hinge > T.Zero ? weight : T.Zero);
        GC.KeepAlive(weights);
        return (tensor(values, [rows, options.Channels], pixels.Scores.dtype), weights);
    }

    // The loss is sum W x + constant.
    protected override void Backward<T>(PixelScan<T> pixels, Tensor? kept, Options options, Tensor outer, TensorMemory<T> gradient)
    {
        var (weights, factors) = (new TensorMemory<T>(kept!), outer.contiguous().data<T>().ToArray());
        CpuWork.For(
            pixels.Runs.Length,
            r =>
            {
                var run = pixels.Runs[r];
                var factor = factors[options.PerImage ? run.Image : run.Image % options.Channels];
                TensorPrimitives.Multiply(pixels.Of(weights, run), factor, pixels.Of(gradient, run));
            }
        );
        GC.KeepAlive(kept);
    }

    protected override Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, Options options)
    {
        var sums = (scores * kept!).sum([1, 2]).reshape(-1, options.Channels);
        return options.PerImage ? sums : sums.sum(0, keepdim: true);
    }

    // Replaces every number by one made of whether the pixel is of the class, its hinge (0 where ignored) and the number.
    private static void Visit<T>(PixelScan<T> pixels, Options options, TensorMemory<T> memory, Func<bool, T, T, T> change)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        CpuWork.For(
            pixels.Runs.Length,
            r =>
            {
                var run = pixels.Runs[r];
                var y = pixels.Targets(run);
                var x = pixels.Of(pixels.Logits, run);
                var values = pixels.Of(memory, run);
                for (var i = 0; i < y.Length; i++)
                {
                    var label = y[i] == 1 && y[i] != options.Ignored;
                    var hinge = y[i] == options.Ignored ? T.Zero : T.Max(T.Zero, T.One + (label ? -x[i] : x[i]));
                    values[i] = change(label, hinge, values[i]);
                }
            }
        );
        GC.KeepAlive(pixels.Scores);
        GC.KeepAlive(pixels.Indices);
    }
}
