using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>The memory of tensors on the CPU.</summary>
internal static class TensorMemory
{
    /// <summary>The elements of a contiguous CPU tensor, valid while the tensor lives.</summary>
    public static Span<T> Span<T>(Tensor tensor)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(tensor.bytes);
}
