namespace MLNetLosses.Networks;

/// <summary>
/// Layers of a network that are frozen together or share a learning rate. A network's groups go from its input to its output and hold every
/// parameter exactly once.
/// </summary>
public sealed class LayerGroup
{
    private readonly string[] prefixes;

    internal LayerGroup(string name, params string[] prefixes) => (Name, this.prefixes) = (name, prefixes);

    /// <summary>The same layers where the network is part of another, under a name there.</summary>
    internal LayerGroup Within(string module) => new(Name, [.. prefixes.Select(prefix => $"{module}.{prefix}")]);

    /// <summary>What to call the group: <c>stem</c>, <c>layer1</c>, ..., <c>head</c>.</summary>
    public string Name { get; }

    /// <summary>Is the parameter or buffer of this name, as <c>named_parameters()</c> gives it, in the group?</summary>
    public bool Contains(string parameterName)
    {
        ArgumentNullException.ThrowIfNull(parameterName);
        return prefixes.Any(prefix =>
            parameterName.Length > prefix.Length
            && parameterName[prefix.Length] == '.'
            && parameterName.StartsWith(prefix, StringComparison.Ordinal)
        );
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
