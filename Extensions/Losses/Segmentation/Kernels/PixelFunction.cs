using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A function of the softmax of scores [N, C, S] and of indices (or labels of one sigmoid) [N, S] whose value and gradient are loops over blocks of pixels on the CPU. Under
/// <c>create_graph</c> the gradient is made of tensor operations instead, which can be differentiated again.
/// </summary>
internal abstract class PixelFunction<TSelf, TOptions> : autograd.SingleTensorFunction<TSelf>
    where TSelf : PixelFunction<TSelf, TOptions>, new()
    where TOptions : class
{
    public sealed override string Name => typeof(TSelf).Name;

    /// <summary>The value, and a tensor that the gradient needs, or null.</summary>
    protected abstract (Tensor Value, Tensor? Kept) Forward<T>(PixelScan<T> pixels, TOptions options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>Writes the gradient of the scores, given that of the value.</summary>
    protected abstract void Backward<T>(PixelScan<T> pixels, Tensor? kept, TOptions options, Tensor outer, TensorMemory<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The value by tensor operations, as far as it depends on the scores.</summary>
    protected abstract Tensor ByTensors(Tensor scores, Tensor indices, Tensor? kept, TOptions options);

    /// <summary>The value on the CPU.</summary>
    /// <param name="logits">[N, C, ...], or of another shape with the same numbers in the same order.</param>
    /// <param name="indices">[N, S].</param>
    /// <param name="options">What the loops need to know.</param>
    protected static Tensor Apply(Tensor logits, Tensor indices, TOptions options) =>
        // torch takes over the gradient of a leaf without a copy only through a view, and adds to that of another tensor in place only without one.
        apply(logits.is_leaf ? AsScores(logits, indices) : logits, indices, options);

    /// <summary>Logits as [N, C, S] for indices [N, S].</summary>
    protected static Tensor AsScores(Tensor logits, Tensor indices)
    {
        var (images, pixels) = (indices.shape[0], indices.shape[1]);
        return logits.reshape(images, indices.numel() == 0 ? logits.shape[1] : logits.numel() / indices.numel(), pixels);
    }

    public sealed override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (logits, indices, options) = ((Tensor)vars[0], PixelTargets.Readable((Tensor)vars[1]), (TOptions)vars[2]);
        var scores = AsScores(logits.detach(), indices).contiguous();
        var (value, kept) =
            scores.dtype == ScalarType.Float64
                ? Forward(new PixelScan<double>(scores, indices), options)
                : Forward(new PixelScan<float>(scores, indices), options);
        ctx.save_for_backward(kept is null ? [logits, indices] : [logits, indices, kept]);
        ctx.save_data(nameof(TOptions), options);
        return value;
    }

    // An exception here would end the process: it would have to pass through native code.
    public sealed override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (logits, indices, kept) = (saved[0], saved[1], saved.Count > 2 ? saved[2] : null);
        var options = (TOptions)ctx.get_data(nameof(TOptions));
        Tensor gradient;
        if (is_grad_enabled())
        {
            var whole = indices.is_floating_point() ? indices : indices.to(ScalarType.Int64);
            var value = ByTensors(AsScores(logits, indices), whole, kept, options);
            gradient = autograd.grad([value], [logits], [grad_output], retain_graph: true, create_graph: true)[0];
        }
        else
        {
            gradient = empty(logits.shape, logits.dtype);
            var (scores, outer) = (AsScores(logits.detach(), indices).contiguous(), grad_output.contiguous());
            if (scores.dtype == ScalarType.Float64)
                Backward(new PixelScan<double>(scores, indices), kept, options, outer, new(gradient));
            else
                Backward(new PixelScan<float>(scores, indices), kept, options, outer, new(gradient));
        }
        FinalBackward.Free(ctx);
        return [ReturnedGradient.Keep(gradient.MoveToOuterDisposeScope()), null!, null!];
    }
}

/// <summary>The pixels of logits [N, C, S] with their targets [N, S], visited in blocks by several threads.</summary>
internal sealed class PixelScan<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly PixelTargets targets;

    public PixelScan(Tensor scores, Tensor indices)
    {
        (Scores, Indices) = (scores, indices);
        (Images, Classes, Pixels) = ((int)scores.shape[0], (int)scores.shape[1], scores.shape[2]);
        (Logits, targets) = (new(scores), new(indices));
        Runs = CpuWork.Runs(Images, Pixels);
    }

    public Tensor Scores { get; }
    public Tensor Indices { get; }
    public int Images { get; }
    public int Classes { get; }
    public long Pixels { get; }
    public TensorMemory<T> Logits { get; }
    public CpuWork.Run[] Runs { get; }

    /// <summary>The place of a block's first pixel in a class's plane of a [N, C, S] tensor.</summary>
    public long Place(CpuWork.Run block, long c) => (block.Image * (long)Classes + c) * Pixels + block.From;

    /// <summary>The targets of a block; valid until the same thread asks for others.</summary>
    public ReadOnlySpan<long> Targets(CpuWork.Run block) => targets.Whole(block.Image * Pixels + block.From, block.Length);

    /// <summary>The targets of a block as they were given, soft ones too.</summary>
    public void Labels(CpuWork.Run block, Span<T> result) => targets.CopyTo(block.Image * Pixels + block.From, result);

    /// <summary>The block's part of a [N, S] tensor.</summary>
    public Span<T> Of(TensorMemory<T> values, CpuWork.Run block) => values[block.Image * Pixels + block.From, block.Length];

    /// <summary>Calls for each run of pixels, on several threads, with buffers of the thread's.</summary>
    public void ForEachRun(Action<int, ProbabilityBlock<T>> visit) => ForEachRun(softmax => softmax, visit);

    /// <summary>The same with what else a thread needs.</summary>
    /// <param name="make">Makes that.</param>
    /// <param name="visit">Gets a run's number and that.</param>
    public void ForEachRun<TRoom>(Func<ProbabilityBlock<T>, TRoom> make, Action<int, TRoom> visit)
    {
        using var rooms = new ThreadLocal<TRoom>(() => make(new ProbabilityBlock<T>(Classes)));
        CpuWork.For(Runs.Length, r => visit(r, rooms.Value!));
        GC.KeepAlive(Scores);
        GC.KeepAlive(Indices);
    }

    /// <summary>Calls for each block of pixels, on several threads, after its probabilities are made.</summary>
    public void ForEachBlock(long? ignored, Action<CpuWork.Run, ProbabilityBlock<T>> visit) =>
        ForEachRun(
            (r, softmax) =>
            {
                foreach (var block in Runs[r].Blocks(softmax.Capacity))
                {
                    softmax.Load(this, block, ignored);
                    visit(block, softmax);
                }
            }
        );
}
