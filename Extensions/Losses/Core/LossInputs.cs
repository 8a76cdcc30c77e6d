using System.Collections;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The tensors that a loss compares, by name: <c>new LossInputs { ["logits"] = x, ["targets"] = y }</c>. Which names a family uses says its
/// base type; <c>weights</c> is optional everywhere. The tensors stay the caller's.
/// </summary>
public sealed class LossInputs : IEnumerable<KeyValuePair<string, Tensor>>
{
    private readonly List<KeyValuePair<string, Tensor>> tensors = new(4);

    /// <summary>The tensor of a name.</summary>
    /// <param name="name">Such as <c>logits</c>.</param>
    /// <exception cref="ArgumentException">There is none; the message lists those given.</exception>
    public Tensor this[string name]
    {
        get =>
            Find(name)
            ?? throw new ArgumentException($"The input '{name}' is missing; given: {string.Join(", ", tensors.Select(t => t.Key))}.", name);
        set
        {
            ArgumentNullException.ThrowIfNull(value, name);
            tensors.RemoveAll(t => t.Key == name);
            tensors.Add(new(name, value));
        }
    }

    /// <summary>The tensor of a name, or null.</summary>
    /// <param name="name">Such as <c>weights</c>.</param>
    public Tensor? Find(string name)
    {
        foreach (var (key, tensor) in tensors)
            if (key == name)
                return tensor;
        return null;
    }

    /// <summary>A copy in which some tensors are replaced or added.</summary>
    /// <param name="replacements">Name and tensor.</param>
    public LossInputs With(params ReadOnlySpan<(string Name, Tensor Tensor)> replacements)
    {
        var copy = new LossInputs();
        copy.tensors.AddRange(tensors);
        foreach (var (name, tensor) in replacements)
            copy[name] = tensor;
        return copy;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => tensors.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
