using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A Python dictionary in the order of its entries. Keys may be anything; only strings are looked up.</summary>
/// <param name="initial">Pairs that it is built from. They are kept, not copied: a hostile pickle could ask for a copy again and again.</param>
internal sealed class PickledDictionary(List<object?>? initial = null)
{
    private List<(object? Key, object? Value)>? entries;

    public void Set(object? key, object? value) => (entries ??= []).Add((key, value));

    /// <summary>The entries under string keys; as in Python the last of several equal keys counts.</summary>
    public Dictionary<string, object?> ByName()
    {
        Dictionary<string, object?> result = [];
        foreach (var pair in initial ?? [])
            if (pair is object?[] { Length: 2 } or List<object?> { Count: 2 } && ((IReadOnlyList<object?>)pair)[0] is string name)
                result[name] = ((IReadOnlyList<object?>)pair)[1];
        foreach (var (key, value) in entries ?? [])
            if (key is string name)
                result[name] = value;
        return result;
    }
}

/// <summary>A name of a Python module's member, one of the closed list.</summary>
internal sealed record PickledGlobal(string Module, string Name, PickledKind Kind, ScalarType? Type = null);

/// <summary>An object of no interest for weights, of a kind on the closed list; nothing of it is kept.</summary>
internal sealed class PickledObject
{
    public static readonly PickledObject Instance = new();
}

/// <summary>What a global on the closed list means to the reader.</summary>
internal enum PickledKind
{
    /// <summary><c>collections.OrderedDict</c>: a dictionary.</summary>
    Dictionary,

    /// <summary><c>torch._utils._rebuild_tensor</c> and <c>_rebuild_tensor_v2</c>: a view of a typed storage.</summary>
    Tensor,

    /// <summary><c>torch._utils._rebuild_tensor_v3</c>: a view of bytes, with its type among the arguments.</summary>
    TypedTensor,

    /// <summary><c>torch._utils._rebuild_parameter</c>: its first argument.</summary>
    Parameter,

    /// <summary><c>torch.FloatStorage</c> and its like.</summary>
    Storage,

    /// <summary><c>torch.float32</c> and its like.</summary>
    ElementType,

    /// <summary>Harmless company of weights, of which nothing is kept.</summary>
    Ignored,
}
