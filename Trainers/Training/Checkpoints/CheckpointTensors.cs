using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Every tensor of a training by its name in a checkpoint.</summary>
internal sealed class CheckpointTensors
{
    private const string UpdatesName = "optimizer/updates";
    private readonly TrainingState state;
    private readonly List<(string Name, Tensor Tensor)> frozen;
    private readonly List<(string Name, Generator Generator)> generators;

    public CheckpointTensors(TrainingJob job, TrainingState state)
    {
        this.state = state;
        frozen =
        [
            .. job
                .Network.named_parameters()
                .Where(p => !p.parameter.requires_grad)
                .Select(p => ("network/" + p.name, (Tensor)p.parameter)),
        ];
        generators =
        [
            .. job.Generators.Select(g => ("random/" + g.Key, g.Value)),
            .. Generators("random/loss/", job.Loss),
            .. state.Combiner.Learner is { } learner ? Generators("random/weighting/", learner) : [],
        ];
    }

    private static IEnumerable<(string, Generator)> Generators(string prefix, nn.Module module) =>
        module.named_modules().Where(m => m.module is LossState).Select(m => (prefix + m.name, ((LossState)m.module).Generator));

    /// <summary>All tensors, to be written; in the caller's dispose scope.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Read()
    {
        foreach (var (name, tensor) in Places())
            yield return new(name, tensor);
        yield return new(UpdatesName, tensor(state.Updater.Updates.ToArray()));
        foreach (var (name, generator) in generators)
            yield return new(name, generator.get_state());
    }

    /// <summary>What a file lacks, has too much, or has in other shapes.</summary>
    public IReadOnlyList<string> Differences(IReadOnlyDictionary<string, StoredTensor> stored)
    {
        var differences = new List<string>();
        var expected = Read().ToDictionary(p => p.Key, p => p.Value);
        foreach (var (name, tensor) in expected)
            if (!stored.TryGetValue(name, out var found))
                differences.Add($"the tensor {name} is missing");
            else if (found.Type != tensor.dtype || !found.Shape.AsSpan().SequenceEqual(tensor.shape))
                differences.Add(
                    $"{name} was {found.Type} [{string.Join(", ", found.Shape)}] and is {tensor.dtype} [{string.Join(", ", tensor.shape)}]"
                );
        differences.AddRange(stored.Keys.Where(name => !expected.ContainsKey(name)).Select(name => $"the tensor {name} is not needed"));
        return differences;
    }

    /// <summary>Overwrites all tensors by those of a file that has no <see cref="Differences"/>.</summary>
    public void Load(IReadOnlyDictionary<string, StoredTensor> stored)
    {
        foreach (var (name, place) in Places())
        {
            using var tensor = stored[name].ToTensor();
            place.copy_(tensor);
        }
        using (var updates = stored[UpdatesName].ToTensor())
            updates.data<long>().ToArray().CopyTo(state.Updater.Updates);
        foreach (var (name, generator) in generators)
        {
            using var tensor = stored[name].ToTensor();
            generator.set_state(tensor);
        }
    }

    // Tensors that share memory with the training: read to save, overwritten to resume.
    private IEnumerable<(string Name, Tensor Tensor)> Places()
    {
        foreach (var place in Model("", state.Arena.Weights, [.. state.Model.Others.Select(o => o.Tensor)]))
            yield return place;
        foreach (var place in frozen)
            yield return place;
        for (var slot = 0; slot < state.Updater.Slots.Length; slot++)
            foreach (var segment in state.Arena.Parameters)
                yield return ($"optimizer/{state.Updater.SlotNames[slot]}/{segment.Name}", segment.View(state.Updater.Slots[slot]));
        if (state.Average is { Copy: var average })
            foreach (var place in Model("average/", average.Weights, average.Others))
                yield return place;
        if (state.BestWeights is { } best)
            foreach (var place in Model("best/", best.Weights, best.Others))
                yield return place;
    }

    private IEnumerable<(string Name, Tensor Tensor)> Model(string prefix, Tensor weights, Tensor[] others)
    {
        foreach (var segment in state.Arena.Segments)
            yield return (prefix + segment.Name, segment.View(weights));
        for (var i = 0; i < others.Length; i++)
            yield return (prefix + state.Model.Others[i].Name, others[i]);
    }
}
