using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Loads published or saved weights into a network.</summary>
public static class WeightLoader
{
    private const string BatchCount = "num_batches_tracked";

    /// <summary>
    /// Loads a file into a network: safetensors, or what PyTorch's torch.save writes (zip and legacy), told apart by content. Nothing in the
    /// file is ever executed. A dictionary inside a checkpoint (<c>state_dict</c>, <c>model</c>, ...) is found, the prefix <c>module.</c> is
    /// dropped, and other floating point types are converted to the network's.
    /// </summary>
    /// <param name="network">The network. Either all of its layers but the head get their weights, or it is left as it was.</param>
    /// <param name="path">The file.</param>
    /// <returns>What was loaded, and what was not: a head for another number of classes keeps its new values.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, asks for code to be executed, or belongs to another network; the message says what to do.
    /// </exception>
    public static WeightReport Load(BackboneNetwork network, string path)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var file = TensorFile.Read(path);
        return Load(network, file);
    }

    /// <summary>Loads named tensors into a network, as <see cref="Load(BackboneNetwork, string)"/> does a file.</summary>
    /// <param name="network">The network. Either all of its layers but the head get their weights, or it is left as it was.</param>
    /// <param name="tensors">Tensors by the network's names; they stay the caller's.</param>
    /// <returns>What was loaded, and what was not.</returns>
    /// <exception cref="InvalidDataException">The tensors belong to another network.</exception>
    public static WeightReport Load(BackboneNetwork network, IReadOnlyDictionary<string, Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(tensors);
        return Load(
            network,
            network.Backbone.ToString(),
            network.HeadName,
            network.StemName,
            "the given tensors",
            tensors.ToDictionary(pair => pair.Key, pair => new Candidate(pair.Value.shape, pair.Value.dtype, () => pair.Value.alias()))
        );
    }

    internal static WeightReport Load(BackboneNetwork network, TensorFile file) =>
        Load(network, network.Backbone.ToString(), network.HeadName, network.StemName, file);

    /// <summary>
    /// For any module: its head and its first convolution, if it has them, may differ from the file's; <paramref name="rename"/> brings names of the file to those of
    /// the network.
    /// </summary>
    internal static WeightReport Load(
        nn.Module network,
        string networkName,
        string? headName,
        string? stemName,
        TensorFile file,
        Func<string, string>? rename = null
    ) =>
        Load(
            network,
            networkName,
            headName,
            stemName,
            file.Name,
            file.Tensors.ToDictionary(
                pair => rename?.Invoke(pair.Key) ?? pair.Key,
                pair => new Candidate(pair.Value.Shape, pair.Value.Type, pair.Value.ToTensor)
            )
        );

    private static WeightReport Load(
        nn.Module network,
        string networkName,
        string? headName,
        string? stemName,
        string source,
        Dictionary<string, Candidate> candidates
    )
    {
        var targets = network.state_dict();
        List<(string Name, Tensor Target, Candidate From)> plan = [];
        List<string> missing = [];
        List<string> mismatched = [];
        List<string> kept = [];
        var (headKept, stemAdapted) = (false, false);
        int? classCount = null;
        foreach (var (name, target) in targets)
        {
            var found = candidates.TryGetValue(name, out var candidate);
            var isHead = headName is not null && name.StartsWith(headName + ".", StringComparison.Ordinal);
            var isStem = stemName is not null && name == stemName + ".weight";
            if (isHead && found && candidate.Shape is [var classes, ..] && classes <= int.MaxValue)
                classCount = (int)classes;
            if (found && candidate.Fits(target))
                plan.Add((name, target, candidate));
            else if (isStem && found && candidate.FitsAfterAdapting(target))
            {
                plan.Add((name, target, candidate));
                stemAdapted = true;
            }
            else if (isHead || (isStem && found && candidate.Type.IsFloat))
            {
                kept.Add(name);
                headKept |= isHead;
            }
            else if (found)
                mismatched.Add($"'{name}' is {candidate}, the network's [{string.Join(", ", target.shape)}]");
            else if (!name.EndsWith(BatchCount, StringComparison.Ordinal))
                missing.Add(name);
        }
        string[] unexpected = [.. candidates.Keys.Where(name => !targets.ContainsKey(name))];
        if (missing.Count > 0 || mismatched.Count > 0 || plan.Count == 0)
            throw Refusal(source, networkName, plan.Count, targets.Count, missing, mismatched, unexpected);
        // A head is of use only as a whole.
        if (headKept)
        {
            kept.AddRange(plan.Select(part => part.Name).Where(IsHead));
            plan.RemoveAll(part => IsHead(part.Name));
        }
        Copy(plan);
        return new(source)
        {
            Loaded = [.. plan.Select(part => part.Name)],
            Kept = kept.Distinct().ToList(),
            Unexpected = unexpected,
            HeadKept = headKept,
            ClassCountInFile = classCount,
            StemAdapted = stemAdapted,
        };

        bool IsHead(string name) => name.StartsWith(headName + ".", StringComparison.Ordinal);
    }

    /// <summary>Reads everything before anything is changed, so that a file that cannot be read leaves the network as it was.</summary>
    private static void Copy(List<(string Name, Tensor Target, Candidate From)> plan)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var values = plan.ConvertAll(part => part.From.Read());
        for (var i = 0; i < plan.Count; i++)
            plan[i].Target.copy_(Adapt(values[i], plan[i].Target.shape));
    }

    /// <summary>
    /// The weights [out, in, k, k] of the first convolution for another number of input channels: summed for a grey image, which stands for
    /// three equal channels; zeros for channels beyond the file's, which so change nothing at first.
    /// </summary>
    private static Tensor Adapt(Tensor values, long[] shape)
    {
        if (values.shape.SequenceEqual(shape))
            return values;
        if (shape[1] == 1)
            return values.sum(1, keepdim: true);
        return nn.functional.pad(values, [0, 0, 0, 0, 0, shape[1] - values.shape[1]]);
    }

    private static InvalidDataException Refusal(
        string source,
        string networkName,
        int fitting,
        int total,
        List<string> missing,
        List<string> mismatched,
        string[] unexpected
    )
    {
        List<string> reasons = [];
        if (missing.Count > 0)
            reasons.Add($"it lacks {WeightReport.Names(missing)}");
        if (mismatched.Count > 0)
            reasons.Add(
                $"of another shape or type: {string.Join(", ", mismatched.Take(3))}"
                    + (mismatched.Count > 3 ? $" and {mismatched.Count - 3} more" : "")
            );
        if (unexpected.Length > 0)
            reasons.Add($"only in the file: {WeightReport.Names(unexpected)}");
        return new(
            $"The weights file '{source}' does not belong to {networkName}: {fitting} of the network's {total} tensors are in it; "
                + $"{string.Join("; ", reasons)}. Choose the network that the file was made for, or a file made for {networkName}."
        );
    }

    /// <summary>A tensor that could be loaded.</summary>
    private readonly record struct Candidate(long[] Shape, ScalarType Type, Func<Tensor> Read)
    {
        public bool Fits(Tensor target) => Shape.SequenceEqual(target.shape) && Type.IsFloat == target.dtype.IsFloat;

        public bool FitsAfterAdapting(Tensor target) =>
            Type.IsFloat
            && (Shape, target.shape) is ([var outputs, var from, var height, var width], [var needed, var to, var tall, var wide])
            && (outputs, height, width) == (needed, tall, wide)
            && (to == 1 || to > from);

        public override string ToString() => $"[{string.Join(", ", Shape)}] of {Type}";
    }
}
