namespace MLNetLosses.Networks;

/// <summary>Finds the named tensors in what a checkpoint holds: a dictionary of tensors, or one inside another.</summary>
internal static class StateDictionary
{
    private const int DeepestNesting = 4;

    /// <summary>Where training scripts put the weights, in order of preference.</summary>
    private static readonly string[] Keys = ["state_dict", "model_state_dict", "model", "net", "network", "weights", "params"];

    /// <summary>What DataParallel and torch.compile put before every name.</summary>
    private static readonly string[] Prefixes = ["module.", "_orig_mod."];

    public static Dictionary<string, StoredTensor> Find(ByteSource source, object? value)
    {
        var entries = (value as PickledDictionary)?.ByName();
        for (var depth = 0; depth < DeepestNesting && entries is not null; depth++)
        {
            var wrapped = Keys.Select(key => entries.GetValueOrDefault(key)).OfType<PickledDictionary>().FirstOrDefault();
            if (wrapped is null)
            {
                Dictionary<string, StoredTensor> tensors = [];
                foreach (var (name, entry) in entries)
                    if (entry is StoredTensor tensor)
                        tensors[name] = tensor;
                if (tensors.Count > 0)
                    return WithoutWrapperPrefix(tensors);
                break;
            }
            entries = wrapped.ByName();
        }
        throw source.Error(
            "it holds no dictionary of tensors"
                + (entries is null ? "" : $"; its entries are {string.Join(", ", entries.Keys.Take(10).Select(key => $"'{key}'"))}"),
            cure: $"Save the weights alone, torch.save(model.state_dict(), path), or under one of {string.Join(", ", Keys)}."
        );
    }

    /// <summary>The same tensors without a prefix that all their names share because the model was wrapped when it was saved.</summary>
    public static Dictionary<string, StoredTensor> WithoutWrapperPrefix(Dictionary<string, StoredTensor> tensors)
    {
        // One wrapper inside the other, in either order.
        foreach (var prefix in Prefixes.Concat(Prefixes))
            if (
                tensors.Count > 0
                && tensors.Keys.All(name => name.Length > prefix.Length && name.StartsWith(prefix, StringComparison.Ordinal))
            )
                tensors = tensors.ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value);
        return tensors;
    }
}
