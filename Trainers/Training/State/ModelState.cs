using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>A copy of everything that training changes in network and loss.</summary>
/// <param name="Weights">As <see cref="WeightArena.Weights"/>.</param>
/// <param name="Others">As <see cref="ModelState.Others"/>.</param>
internal sealed record ModelCopy(Tensor Weights, Tensor[] Others);

/// <summary>
/// Everything that training changes in network and loss: the arena, and the buffers outside of it (counters, and what losses remember).
/// Frozen parameters are no part of it.
/// </summary>
internal sealed class ModelState
{
    public ModelState(nn.Module network, WeightArena arena, IEnumerable<(nn.Module Module, string Prefix, double Factor)> learners)
    {
        Arena = arena;
        var inside = arena.Segments.Select(s => s.Tensor.Handle).ToHashSet();
        Others =
        [
            .. network.named_buffers().Select(b => ("network/" + b.name, b.buffer, Averaged: b.buffer.is_floating_point())),
            .. learners.SelectMany(l => l.Module.named_buffers().Select(b => (l.Prefix + b.name, b.buffer, Averaged: false))),
        ];
        Others = [.. Others.Where(o => !inside.Contains(o.Tensor.Handle))];
    }

    public WeightArena Arena { get; }

    /// <summary>Buffers outside of the arena, and whether an average of weights covers them.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor, bool Averaged)> Others { get; }

    /// <summary>A copy; in the caller's dispose scope.</summary>
    public ModelCopy Copy() => new(Arena.Weights.clone(), [.. Others.Select(o => o.Tensor.detach().clone())]);

    /// <summary>Overwrites a copy with the present state.</summary>
    public void CopyTo(ModelCopy copy)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        copy.Weights.copy_(Arena.Weights);
        for (var i = 0; i < Others.Count; i++)
            copy.Others[i].copy_(Others[i].Tensor);
    }

    /// <summary>Overwrites the present state with a copy.</summary>
    public void Load(ModelCopy copy)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        Arena.Weights.copy_(copy.Weights);
        for (var i = 0; i < Others.Count; i++)
            Others[i].Tensor.copy_(copy.Others[i]);
    }

    /// <summary>Exchanges the present state and a copy.</summary>
    public void Swap(ModelCopy copy)
    {
        using var scope = NewDisposeScope();
        var present = Copy();
        Load(copy);
        using var frozen = no_grad();
        copy.Weights.copy_(present.Weights);
        for (var i = 0; i < Others.Count; i++)
            copy.Others[i].copy_(present.Others[i]);
    }
}
