using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>What the names on the closed list stand for: dictionaries, tensors, and things to ignore.</summary>
internal static class PickleTensors
{
    /// <summary>The value that a name, in Python called with these arguments, describes.</summary>
    public static object? Build(ByteSource source, PickledGlobal global, object?[] arguments, long at) =>
        (global.Kind, arguments) switch
        {
            (PickledKind.Dictionary, []) => new PickledDictionary(),
            (PickledKind.Dictionary, [List<object?> pairs]) => new PickledDictionary(pairs),
            (PickledKind.Tensor, [StoredStorage storage, long offset, object?[] shape, object?[] strides, ..]) => new StoredTensor(
                storage,
                offset,
                Integers(source, shape, at),
                Integers(source, strides, at)
            ),
            (
                PickledKind.TypedTensor,
                [StoredStorage storage, long offset, object?[] shape, object?[] strides, _, _, PickledGlobal { Type: { } type }, ..]
            ) => new StoredTensor(storage.As(type), offset, Integers(source, shape, at), Integers(source, strides, at)),
            (PickledKind.Parameter, [StoredTensor tensor, ..]) => tensor,
            (PickledKind.Ignored, _) => PickledObject.Instance,
            _ => throw source.Error($"its pickle gives '{global.Module}.{global.Name}' other arguments than PyTorch does", at),
        };

    /// <summary>The parts of the persistent id of a storage: <c>("storage", type, key, location, count[, view])</c>.</summary>
    public static (ScalarType Type, string Key, long Count, object?[]? View) ParseStorage(ByteSource source, object?[] id) =>
        id switch
        {
            ["storage", PickledGlobal { Kind: PickledKind.Storage, Type: { } type }, string key, string, long and >= 0 and var count] => (
                type,
                key,
                count,
                null
            ),
            [
                "storage",
                PickledGlobal { Kind: PickledKind.Storage, Type: { } type },
                string key,
                string,
                long
                and >= 0
                and var count,
                var view,
            ] => (type, key, count, view as object?[]),
            _ => throw source.Error(
                "its pickle refers to something that is no storage of numbers",
                cure: "Save only the weights: in Python, torch.save(model.state_dict(), path)."
            ),
        };

    private static long[] Integers(ByteSource source, object?[] values, long at) =>
        [
            .. values.Select(value =>
                value is long number ? number : throw source.Error("its pickle has a size or stride that is no integer", at)
            ),
        ];
}
