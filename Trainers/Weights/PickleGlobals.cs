using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// The closed list of Python names that a weights file may mention. None of them is ever called: each stands for a way to lay out data that
/// the reader knows. Every other name is refused, because in Python it would run code of the file's choice.
/// </summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<(string Module, string Name), PickledKind> Known = new()
    {
        [("collections", "OrderedDict")] = PickledKind.Dictionary,
        [("torch._utils", "_rebuild_tensor")] = PickledKind.Tensor,
        [("torch._utils", "_rebuild_tensor_v2")] = PickledKind.Tensor,
        [("torch._utils", "_rebuild_tensor_v3")] = PickledKind.TypedTensor,
        [("torch._utils", "_rebuild_parameter")] = PickledKind.Parameter,
        [("torch._utils", "_rebuild_parameter_with_state")] = PickledKind.Parameter,
        [("torch", "Size")] = PickledKind.Ignored,
        [("torch", "device")] = PickledKind.Ignored,
        [("collections", "Counter")] = PickledKind.Ignored,
        [("argparse", "Namespace")] = PickledKind.Ignored,
        [("numpy", "dtype")] = PickledKind.Ignored,
        [("numpy.core.multiarray", "scalar")] = PickledKind.Ignored,
        [("numpy._core.multiarray", "scalar")] = PickledKind.Ignored,
        [("_codecs", "encode")] = PickledKind.Ignored,
    };

    /// <summary>The meaning of a name, or an exception that says why it is refused.</summary>
    public static PickledGlobal Find(ByteSource source, string module, string name, long at)
    {
        if (Known.TryGetValue((module, name), out var kind))
            return new(module, name, kind);
        if (module is "torch" or "torch.cuda" && ElementTypes.FromStorage(name) is { } stored)
            return new(module, name, PickledKind.Storage, stored);
        // Storages without a type count bytes.
        if (module is "torch" or "torch.storage" or "torch.cuda" && name is "UntypedStorage" or "_UntypedStorage")
            return new(module, name, PickledKind.Storage, ScalarType.Byte);
        if (module == "torch" && ElementTypes.FromTorch(name) is { } type)
            return new(module, name, PickledKind.ElementType, type);
        throw source.Error(
            $"its pickle names '{Shorten(module)}.{Shorten(name)}', which is not on the closed list of names that describe tensors. "
                + "Python would call it and so run code of the file's choice; here nothing is ever called and the file is refused",
            at,
            "If you trust the origin, save only the weights: in Python, torch.save(model.state_dict(), path) or safetensors."
        );
    }

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..200] + "...";
}
