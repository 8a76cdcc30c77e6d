using MLNetLosses.Losses;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// The weights that training changes, moved into one flat tensor: first all trained parameters, group by group, then the network's
/// floating-point buffers. The modules' own tensors become views of it, so that an optimizer step, an average, a copy of the best weights
/// is one pass over memory instead of a few operations a layer. The modules go on working as before, also when the arena is gone.
/// </summary>
internal sealed class WeightArena
{
    public WeightArena(
        nn.Module network,
        IReadOnlyList<ParameterGroup>? groups,
        IReadOnlyList<(nn.Module Module, string Prefix, double Factor)> learners
    )
    {
        var all = (groups ?? [new("network", [.. network.parameters().Where(p => p.requires_grad)])]).ToList();
        var names = Named(network, "network/")
            .Concat(learners.SelectMany(l => Named(l.Module, l.Prefix)))
            .ToDictionary(n => n.Handle, n => n.Name);
        CheckComplete(network, all, names);
        foreach (var (module, prefix, factor) in learners)
            if (module.parameters().Where(p => p.requires_grad).ToArray() is { Length: > 0 } learned)
                all.Add(new(prefix.TrimEnd('/'), learned) { LearningRateFactor = factor, WeightDecayFactor = 0 });
        var segments = new List<WeightSegment>();
        var end = 0L;
        foreach (var group in all)
        foreach (var parameter in group.Parameters)
            Add(names[parameter.Handle], parameter, group);
        ParameterCount = end;
        var (type, device) = segments is [var first, ..] ? (first.Tensor.dtype, first.Tensor.device) : (ScalarType.Float32, CPU);
        foreach (var segment in segments)
            CheckSame(segment, type, device);
        foreach (var (name, buffer) in network.named_buffers())
            if (
                segments is [var like, ..]
                && buffer.dtype == type
                && buffer.device_type == device.type
                && buffer.device_index == like.Tensor.device_index
            )
                Add("network/" + name, buffer, null);
        Segments = segments;
        Weights = zeros([end], type, device);
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        foreach (var segment in segments)
        {
            var view = segment.View(Weights);
            view.copy_(segment.Tensor);
            segment.Tensor.set_(view);
        }

        void Add(string name, Tensor tensor, ParameterGroup? group)
        {
            segments.Add(new(name, tensor, end, tensor.numel(), group));
            end = segments[^1].End;
        }
    }

    /// <summary>All weights; between segments there may be padding, which stays 0.</summary>
    public Tensor Weights { get; }

    /// <summary>The places of parameters, then of buffers.</summary>
    public IReadOnlyList<WeightSegment> Segments { get; }

    /// <summary>How many elements of the front are parameters and their padding.</summary>
    public long ParameterCount { get; }

    public IEnumerable<WeightSegment> Parameters => Segments.Where(s => s.Group is not null);

    private static IEnumerable<(IntPtr Handle, string Name)> Named(nn.Module module, string prefix) =>
        module.named_parameters().Select(p => (p.parameter.Handle, prefix + p.name));

    private static void CheckComplete(nn.Module network, List<ParameterGroup> groups, Dictionary<IntPtr, string> names)
    {
        var seen = new HashSet<IntPtr>();
        foreach (var group in groups)
        {
            group.Check();
            foreach (var parameter in group.Parameters)
            {
                if (!names.TryGetValue(parameter.Handle, out var name))
                    throw new ArgumentException(
                        $"The parameter group '{group.Name}' holds a parameter that is not the network's.",
                        nameof(groups)
                    );
                if (!parameter.requires_grad)
                    throw new ArgumentException(
                        $"The parameter group '{group.Name}' holds {name}, which is frozen: leave it out or let it require a gradient.",
                        nameof(groups)
                    );
                if (!seen.Add(parameter.Handle))
                    throw new ArgumentException($"{name} is in two parameter groups, or twice in '{group.Name}'.", nameof(groups));
            }
        }
        foreach (var (name, parameter) in network.named_parameters())
            if (parameter.requires_grad && !seen.Contains(parameter.Handle))
                throw new ArgumentException(
                    $"The network's parameter {name} requires a gradient and is in no group: add it to one or freeze it.",
                    nameof(groups)
                );
    }

    private static void CheckSame(WeightSegment segment, ScalarType type, Device device)
    {
        var tensor = segment.Tensor;
        if (tensor.dtype != type || tensor.device_type != device.type || (device.index >= 0 && tensor.device_index != device.index))
            throw new ArgumentException(
                $"All trained parameters must have one type and device: {segment.Name} is {tensor.dtype} on {tensor.device}, others are {type} on {device}."
            );
        if (!tensor.is_floating_point())
            throw new ArgumentException($"{segment.Name} is {tensor.dtype}; only floating-point parameters can be trained.");
    }
}
