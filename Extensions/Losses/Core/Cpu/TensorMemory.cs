using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The numbers of a contiguous tensor on the CPU, read and written in place; also from other threads and beyond 2 GB. The tensor must outlive it.
/// </summary>
internal readonly unsafe struct TensorMemory<T>
    where T : unmanaged
{
    private readonly T* first;
    private readonly long count;

    public TensorMemory(Tensor tensor)
    {
        if (!tensor.is_contiguous() || tensor.device_type != TorchSharp.DeviceType.CPU || tensor.element_size() != sizeof(T))
            throw new ArgumentException($"A contiguous CPU tensor of {sizeof(T)}-byte numbers is wanted.", nameof(tensor));
        count = tensor.numel();
        if (count == 0)
            return;
        // One element: a span over all of them could be longer than a span may be.
        using var flat = tensor.view(-1);
        using var head = flat.narrow(0, 0, 1);
        first = (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(head.bytes));
    }

    private TensorMemory(T* first, long count)
    {
        this.first = first;
        this.count = count;
    }

    /// <summary>A part of the numbers.</summary>
    public TensorMemory<T> Part(long from, long length) =>
        from >= 0 && length >= 0 && from + length <= count
            ? new(first + from, length)
            : throw new ArgumentOutOfRangeException(nameof(from));

    /// <summary>Where a run of numbers lies, for loops that have no time to check each.</summary>
    public T* Address(long from, long length) =>
        from >= 0 && length >= 0 && from + length <= count ? first + from : throw new ArgumentOutOfRangeException(nameof(from));

    /// <summary>A number.</summary>
    public ref T this[long at] => ref at >= 0 && at < count ? ref first[at] : ref Outside(at);

    private static ref T Outside(long at) => throw new ArgumentOutOfRangeException(nameof(at), at, "There is no such element.");

    /// <summary>A run of numbers.</summary>
    public Span<T> this[long from, int length] =>
        from >= 0 && from + length <= count ? new(first + from, length) : throw new ArgumentOutOfRangeException(nameof(from));
}
