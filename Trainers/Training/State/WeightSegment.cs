using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>One parameter's or buffer's place in flat storage.</summary>
/// <param name="Name">Unique: <c>network/layer1.weight</c>, <c>loss/state.weight</c>.</param>
/// <param name="Tensor">The parameter or buffer itself.</param>
/// <param name="Start">Its first element.</param>
/// <param name="Count">Its number of elements.</param>
/// <param name="Group">The parameter's group; null for a buffer.</param>
internal sealed record WeightSegment(string Name, Tensor Tensor, long Start, long Count, ParameterGroup? Group)
{
    /// <summary>
    /// Every segment begins at a multiple of this many elements, so that vectors and cache lines never straddle two of them.
    /// </summary>
    public const int Alignment = 16;

    private readonly long[] shape = Tensor.shape;
    private readonly long[] strides = DenseStrides(Tensor);

    public Parameter Parameter => (Parameter)Tensor;

    /// <summary>Where the next segment begins.</summary>
    public long End => Start + ((Count + Alignment - 1) / Alignment * Alignment);

    /// <summary>This segment of flat storage, in the tensor's shape and order of memory.</summary>
    public Tensor View(Tensor flat) => flat.as_strided(shape, strides, flat.storage_offset() + Start);

    /// <summary>The same storage as a line, for elements in the order of memory.</summary>
    public Tensor Line(Tensor flat) => flat.narrow(0, Start, Count);

    /// <summary>A tensor of this shape as a line in this segment's order of memory; a copy only where it lies otherwise.</summary>
    public Tensor ToLine(Tensor tensor)
    {
        if (tensor.stride().AsSpan().SequenceEqual(strides))
            return tensor.as_strided([Count], [1], tensor.storage_offset());
        var line = empty([Count], tensor.dtype, tensor.device);
        line.as_strided(shape, strides).copy_(tensor);
        return line;
    }

    // The order of memory is kept, so that a network in channels-last order stays in it.
    private static long[] DenseStrides(Tensor tensor)
    {
        var (sizes, strides) = (tensor.shape, tensor.stride());
        var expected = 1L;
        foreach (var axis in Enumerable.Range(0, sizes.Length).Where(a => sizes[a] != 1).OrderBy(a => strides[a]))
        {
            if (strides[axis] != expected)
                return Contiguous(sizes);
            expected *= sizes[axis];
        }
        return strides;
    }

    private static long[] Contiguous(long[] sizes)
    {
        var strides = new long[sizes.Length];
        for (long axis = sizes.Length - 1, stride = 1; axis >= 0; stride *= sizes[axis--])
            strides[axis] = stride;
        return strides;
    }
}
