using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The region sums of one sigmoid on the CPU in one pass over logits and targets. What it keeps, the probability with the target as its sign, is turned into the
/// gradient in place, so that nothing is read or computed twice. The same numbers as <see cref="RegionSums.ByTensors"/>.
/// </summary>
internal sealed class BinaryRegionSums : autograd.SingleTensorFunction<BinaryRegionSums>
{
    // How many numbers are added in single precision.
    private const int BlockLength = 1 << 9;

    public override string Name => nameof(BinaryRegionSums);

    /// <summary>TP, FP, FN, sum y and the valid pixels, [5, N, 1].</summary>
    /// <param name="logits">[N, 1, ...], or of another shape with the same numbers in the same order.</param>
    /// <param name="indices">[N, S], 0 and 1.</param>
    /// <param name="options">How to sum.</param>
    public static Tensor Of(Tensor logits, Tensor indices, FusedRegionSums.Options options)
    {
        var (sums, kept) = Make(logits, indices, options);
        if (kept is null)
            return sums;
        var (store, end) = KeptTensors.Of(logits, [kept]);
        return apply(new Saved(store, options), indices, sums, end, ClassScores.Viewed(logits));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_for_backward([(Tensor)vars[4], (Tensor)vars[1]]);
        ctx.save_data(nameof(Saved), vars[0]);
        return ((Tensor)vars[2]).clone();
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var (logits, indices) = (ctx.get_saved_variables()[0], ctx.get_saved_variables()[1]);
        var (store, options) = (Saved)ctx.get_data(nameof(Saved));
        Tensor gradient;
        if (is_grad_enabled()) // it will itself be differentiated
        {
            var sums = RegionSums.ByTensors(
                logits.reshape(indices.shape[0], 1, indices.shape[1]),
                indices.to(ScalarType.Int64),
                options.Ignored,
                options.Squared
            );
            gradient = autograd.grad([sums], [logits], [grad_output], retain_graph: true, create_graph: true)[0];
        }
        else
        {
            gradient = store.Take()?[0] ?? Again(logits, indices, options);
            if (gradient.dtype == ScalarType.Float64)
                Differentiate<double>(gradient, indices.shape[0], options, grad_output);
            else
                Differentiate<float>(gradient, indices.shape[0], options, grad_output);
        }
        List<Tensor> returned = [KeptTensors.NoGradient().MoveToOuterDisposeScope(), gradient.MoveToOuterDisposeScope()];
        ReturnedGradient.Keep(returned);
        FinalBackward.Free(ctx);
        return [null!, null!, null!, .. returned];
    }

    private static Tensor Again(Tensor logits, Tensor indices, FusedRegionSums.Options options)
    {
        using var graph = enable_grad();
        return Make(logits, indices, options).Kept!;
    }

    private static (Tensor Sums, Tensor? Kept) Make(Tensor logits, Tensor indices, FusedRegionSums.Options options) =>
        logits.dtype == ScalarType.Float64 ? Make<double>(logits, indices, options) : Make<float>(logits, indices, options);

    private static (Tensor Sums, Tensor? Kept) Make<T>(Tensor logits, Tensor indices, FusedRegionSums.Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var kept = KnownGradient.IsWanted(logits) ? empty(logits.shape, logits.dtype) : null;
        var (x, y) = (logits.detach().contiguous(), PixelTargets.Readable(indices));
        var (images, pixels) = (indices.shape[0], indices.shape[1]);
        var pass = new Pass<T>(new(x), new(y), kept is null ? null : new TensorMemory<T>(kept), options);
        var runs = CpuWork.Runs(images, pixels);
        var parts = new Sums[runs.Length];
        CpuWork.For(runs.Length, r => parts[r] = pass.Over(runs[r].Image * pixels + runs[r].From, runs[r].Length));
        GC.KeepAlive(x);
        GC.KeepAlive(y);
        GC.KeepAlive(kept);
        var sums = new double[5 * images];
        for (var r = 0; r < runs.Length; r++)
        {
            var (of, image) = (parts[r], runs[r].Image);
            double[] rows = [of.Right, of.Predicted - of.Right, of.Target - of.Right, of.Target, of.Valid];
            for (var row = 0; row < rows.Length; row++)
                sums[row * images + image] += rows[row];
        }
        return (tensor(sums, [5, images, 1], logits.dtype), kept);
    }

    // dl/dp = FP' (2 p if squared) + (TP' - FP' - FN') y, dl/dx = p (1 - p) dl/dp. Where p is 0 the target does not matter.
    private static void Differentiate<T>(Tensor kept, long images, FusedRegionSums.Options options, Tensor outer)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var ofSums = outer.reshape(5, images);
        var everywhere = (options.Squared ? ofSums[1] * 2 : ofSums[1]).contiguous().data<T>().ToArray();
        var onTarget = (ofSums[0] - ofSums[1] - ofSums[2]).contiguous().data<T>().ToArray();
        var (memory, pixels) = (new TensorMemory<T>(kept), kept.numel() / Math.Max(1, images));
        var runs = CpuWork.Runs(images, pixels);
        CpuWork.For(
            runs.Length,
            r =>
            {
                var numbers = memory[runs[r].Image * pixels + runs[r].From, runs[r].Length];
                var (all, own) = (new Vector<T>(everywhere[runs[r].Image]), new Vector<T>(onTarget[runs[r].Image]));
                Vector<T> Slopes(Vector<T> signed)
                {
                    var p = Vector.Abs(signed);
                    var slope = Vector.ConditionalSelect(Vector.LessThan(signed, Vector<T>.Zero), own, Vector<T>.Zero);
                    return (slope + (options.Squared ? all * p : all)) * (p - p * p);
                }
                var (width, i) = (Vector<T>.Count, 0);
                for (; i + width <= numbers.Length; i += width)
                    Slopes(new(numbers.Slice(i, width))).CopyTo(numbers.Slice(i, width));
                if (i == numbers.Length)
                    return;
                Span<T> rest = stackalloc T[width];
                numbers[i..].CopyTo(rest);
                Slopes(new(rest)).CopyTo(rest);
                rest[..(numbers.Length - i)].CopyTo(numbers[i..]);
            }
        );
        GC.KeepAlive(kept);
    }

    private sealed record Saved(KeptTensors Store, FusedRegionSums.Options Options);

    /// <summary>Sums of a run, in double: a float would lose small regions in large images.</summary>
    private record struct Sums(double Right, double Predicted, double Target, long Valid);

    /// <summary>The pass over logits and targets.</summary>
    private sealed class Pass<T>(TensorMemory<T> logits, PixelTargets targets, TensorMemory<T>? kept, FusedRegionSums.Options options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public Sums Over(long from, int length)
        {
            var sums = default(Sums);
            Span<T> labels = stackalloc T[BlockLength];
            for (var done = 0; done < length; done += BlockLength)
                Add(ref sums, from + done, labels[..Math.Min(BlockLength, length - done)]);
            return sums;
        }

        private void Add(ref Sums sums, long from, Span<T> labels)
        {
            var y = targets.Whole(from, labels.Length);
            PixelTargets.CopySmall(y, labels);
            var (positives, ignored) = (y.Count(1L), options.Ignored is { } none ? y.Count(none) : 0);
            if (positives + y.Count(0L) + (options.Ignored is 0 or 1 ? 0 : ignored) != y.Length)
                foreach (var label in y)
                    if (label is not (0 or 1) && label != options.Ignored)
                        throw Shapes.WrongIndex(options.Loss, label, 2, options.Ignored);
            sums.Target += options.Ignored == 1 ? 0 : positives;
            sums.Valid += y.Length - ignored;
            var x = logits[from, labels.Length];
            var write = kept is { } memory ? memory[from, labels.Length] : [];
            var (right, predicted) = (Vector<T>.Zero, Vector<T>.Zero);
            Span<T> rest = stackalloc T[Vector<T>.Count];
            for (var i = 0; i < x.Length; i += Vector<T>.Count)
            {
                var count = Math.Min(Vector<T>.Count, x.Length - i);
                Vector<T> p,
                    label;
                if (count == Vector<T>.Count)
                    (p, label) = (Sigmoid(new(x[i..])), new(labels[i..]));
                else
                {
                    rest.Fill(T.CreateTruncating(-1e4)); // the probability is 0
                    x.Slice(i, count).CopyTo(rest);
                    p = Sigmoid(new(rest));
                    rest.Clear();
                    labels.Slice(i, count).CopyTo(rest);
                    label = new(rest);
                }
                if (ignored > 0)
                    p = Vector.ConditionalSelect(Vector.Equals(label, new(T.CreateTruncating(options.Ignored!.Value))), Vector<T>.Zero, p);
                predicted += options.Squared ? p * p : p;
                var own = Vector.ConditionalSelect(Vector.Equals(label, Vector<T>.One), p, Vector<T>.Zero);
                right += own;
                if (write.Length == 0)
                    continue;
                var signed = p - own - own;
                if (count == Vector<T>.Count)
                    signed.CopyTo(write[i..]);
                else
                {
                    signed.CopyTo(rest);
                    rest[..count].CopyTo(write[i..]);
                }
            }
            sums.Right += double.CreateTruncating(Vector.Sum(right));
            sums.Predicted += double.CreateTruncating(Vector.Sum(predicted));
        }

        private static Vector<T> Sigmoid(Vector<T> x) =>
            typeof(T) == typeof(float)
                ? SinglePrecision.SigmoidOf(x.As<T, float>()).As<float, T>()
                : LaneNumber<T>.LogisticOf(new(x)).Sigmoid.Lanes;
    }
}
