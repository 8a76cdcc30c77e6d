using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Checks of tensor inputs that cost no device synchronisation, and the wording of their errors.</summary>
internal static class Shapes
{
    public static string Text(Tensor tensor) => $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]";

    public static ArgumentException Wrong(Loss loss, string input, Tensor tensor, string expected) =>
        new($"{loss.Name}: {input} must be {expected}; it is {Text(tensor)}.", input);

    public static void Floating(Loss loss, string input, Tensor tensor)
    {
        if (!tensor.is_floating_point())
            throw Wrong(loss, input, tensor, "of a floating-point type");
    }

    public static void Rank(Loss loss, string input, Tensor tensor, int rank, string expected)
    {
        if (tensor.dim() != rank)
            throw Wrong(loss, input, tensor, expected);
    }

    public static void Same(Loss loss, string input, Tensor tensor, string otherName, Tensor other)
    {
        if (!tensor.shape.AsSpan().SequenceEqual(other.shape))
            throw new ArgumentException(
                $"{loss.Name}: {input} {Text(tensor)} and {otherName} {Text(other)} must have the same shape; nothing is broadcast.",
                input
            );
        SameDevice(loss, input, tensor, otherName, other);
    }

    /// <summary>Weights that broadcast to values, or an error that says to what they must.</summary>
    public static Tensor Broadcastable(Loss loss, Tensor weights, Tensor values)
    {
        var fits = weights.dim() <= values.dim();
        for (var axis = 1; fits && axis <= weights.dim(); axis++)
            fits = weights.shape[^axis] == 1 || weights.shape[^axis] == values.shape[^axis];
        return fits ? weights : throw Wrong(loss, "weights", weights, $"broadcastable to [{string.Join(", ", values.shape)}]");
    }

    public static void SameDevice(Loss loss, string input, Tensor tensor, string otherName, Tensor other)
    {
        if (tensor.device_type != other.device_type || tensor.device_index != other.device_index)
            throw new ArgumentException($"{loss.Name}: {input} is on {tensor.device}, {otherName} on {other.device}.", input);
    }

    public static ArgumentException WrongIndex(Loss loss, long index, long classes, long? ignored) =>
        new(
            $"{loss.Name}: targets hold {index}; they must be class indices in [0, {classes - 1}]{(ignored is null ? "" : $" or the IgnoreIndex {ignored}")}.",
            "targets"
        );
}
