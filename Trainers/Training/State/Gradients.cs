using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// The gradients that backward passes leave at the parameters. Autograd hands over the tensor that it has just computed, without a copy,
/// where a parameter has no gradient yet: so they are taken away, not zeroed, after each step.
/// </summary>
internal sealed class Gradients(WeightArena arena)
{
    private readonly WeightSegment[] segments = [.. arena.Parameters];

    public IReadOnlyList<WeightSegment> Segments => segments;

    /// <summary>The number of trained numbers, with padding: the length of <see cref="Flat"/>.</summary>
    public long Length => arena.ParameterCount;

    /// <summary>Takes all gradients away.</summary>
    public void Clear()
    {
        foreach (var segment in segments)
            segment.Parameter.grad = null;
    }

    /// <summary>A parameter's gradient as a line in its order of memory; null where the last backward passes did not reach it.</summary>
    public Tensor? Line(int segment) => segments[segment].Parameter.grad is { } gradient ? segments[segment].ToLine(gradient) : null;

    /// <summary>
    /// Takes all gradients away and gives them as <see cref="Line"/> does, without a copy where that can be; in the caller's dispose scope.
    /// </summary>
    public Tensor?[] Take()
    {
        using var scope = NewDisposeScope();
        Tensor?[] lines = [.. segments.Select((_, i) => Line(i)?.MoveToOuterDisposeScope())];
        Clear();
        return lines;
    }

    /// <summary>A copy of all gradients in one line, 0 where there is none; in the caller's dispose scope.</summary>
    public Tensor Flat()
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>(2 * segments.Length);
        for (var i = 0; i < segments.Length; i++)
        {
            var segment = segments[i];
            var line = Line(i);
            var padding = segment.End - segment.Start - (line is null ? 0 : segment.Count);
            if (line is not null)
                parts.Add(line);
            if (padding > 0)
                parts.Add(zeros([padding], arena.Weights.dtype, arena.Weights.device));
        }
        return (parts.Count == 0 ? zeros([0], arena.Weights.dtype, arena.Weights.device) : cat(parts, 0)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Replaces all gradients by what a line of <see cref="Length"/> numbers holds; parameters without a gradient get one.
    /// </summary>
    public void Set(Tensor flat)
    {
        if (flat.dim() != 1 || flat.shape[0] != Length)
            throw new ArgumentException($"The gradient must be [{Length}]; it is [{string.Join(", ", flat.shape)}].", nameof(flat));
        foreach (var segment in segments)
            segment.Parameter.grad = segment.View(flat);
    }
}
