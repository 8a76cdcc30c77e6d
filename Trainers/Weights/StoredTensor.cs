using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A run of elements in a file, which one or more tensors look at. Legacy files announce storages before they place them.</summary>
internal sealed class StoredStorage
{
    private readonly StoredStorage? root;
    private readonly long offset;
    private long? position;

    public StoredStorage(ByteSource source, ScalarType type, long count, long? position = null)
    {
        (Source, Type, Count, this.position) = (source, type, count, position);
        if (count < 0 || count > long.MaxValue / type.Size)
            throw source.Error($"a storage claims {count} elements");
    }

    private StoredStorage(StoredStorage root, long offset, ScalarType type, long count)
        : this(root.Source, type, count) => (this.root, this.offset) = (root, offset);

    public ByteSource Source { get; }
    public ScalarType Type { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    public long Bytes => Count * Type.Size;

    /// <summary>Where the first element lies in the source, in bytes.</summary>
    public long Position =>
        root is null ? position ?? throw Source.Error("a storage is announced but does not follow") : root.Position + offset;

    public void Place(long at) => position = at;

    /// <summary>The same bytes as elements of another type.</summary>
    public StoredStorage As(ScalarType type) => new(this, 0, type, Bytes / type.Size);

    /// <summary>A part of the elements.</summary>
    public StoredStorage View(long start, long count)
    {
        if (start < 0 || count < 0 || start > Count - count)
            throw Source.Error($"a view of {count} elements from element {start} on reaches outside of its storage of {Count}");
        return new(this, start * Type.Size, Type, count);
    }
}

/// <summary>A tensor in a file: what it is, and where its elements lie. The elements are read by <see cref="ToTensor"/> only.</summary>
internal sealed class StoredTensor
{
    /// <summary>More dimensions than any network has; libtorch itself stops at 64.</summary>
    private const int MostDimensions = 32;

    /// <summary>A view that repeats elements may announce far more of them than the file holds; up to here that is allowed.</summary>
    private const long MostRepeatedElements = 1 << 24;

    private readonly StoredStorage storage;
    private readonly long offset;
    private readonly long[] strides;
    private readonly long span;

    /// <summary>A view of a storage that starts <paramref name="offset"/> elements after the storage's first.</summary>
    /// <exception cref="InvalidDataException">The view is malformed or reaches outside of the storage.</exception>
    public StoredTensor(StoredStorage storage, long offset, long[] shape, long[] strides)
    {
        (this.storage, this.offset, Shape, this.strides) = (storage, offset, shape, strides);
        var source = storage.Source;
        if (shape.Length > MostDimensions || shape.Length != strides.Length)
            throw source.Error($"a tensor has {shape.Length} sizes and {strides.Length} strides");
        if (offset < 0 || Array.Exists(shape, size => size < 0) || Array.Exists(strides, stride => stride < 0))
            throw source.Error($"a tensor of shape [{string.Join(", ", shape)}] has a negative size, stride or offset");
        try
        {
            // A size of zero hides an overflow of the others, which libtorch would meet when it multiplies them.
            _ = shape.Aggregate(1L, (product, size) => checked(product * Math.Max(size, 1)));
            Count = shape.Aggregate(1L, (product, size) => product * size);
            span = Count == 0 ? 0 : shape.Zip(strides).Aggregate(1L, (last, d) => checked(last + ((d.First - 1) * d.Second)));
            if (checked(offset + span) > storage.Count)
                throw source.Error(
                    $"a tensor of shape [{string.Join(", ", shape)}] needs elements {offset} to {offset + span} of a storage of {storage.Count}"
                );
            if (Count > Math.Max(storage.Count, MostRepeatedElements) || checked(Math.Max(Count, span) * Type.Size) > Array.MaxLength)
                throw source.Error(
                    $"a tensor of shape [{string.Join(", ", shape)}] is too large (a view may hold {MostRepeatedElements} repeated elements, "
                        + $"a tensor {Array.MaxLength} bytes)"
                );
        }
        catch (OverflowException)
        {
            throw source.Error($"a tensor of shape [{string.Join(", ", shape)}] is too large");
        }
    }

    public ScalarType Type => storage.Type;

    public long[] Shape { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>Reads the elements into a new contiguous tensor on the CPU, which belongs to the caller's dispose scope.</summary>
    public Tensor ToTensor()
    {
        var result = empty(Shape, Type, CPU);
        try
        {
            Fill(result);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    private void Fill(Tensor result)
    {
        if (Count == 0)
            return;
        var position = storage.Position + (offset * Type.Size);
        if (IsContiguous())
        {
            storage.Source.Read(position, result.bytes);
            return;
        }
        using var scope = NewDisposeScope();
        var elements = empty([span], Type, CPU);
        storage.Source.Read(position, elements.bytes);
        result.copy_(elements.as_strided(Shape, strides));
    }

    private bool IsContiguous()
    {
        var expected = 1L;
        for (var d = Shape.Length - 1; d >= 0; d--)
        {
            if (Shape[d] != 1 && strides[d] != expected)
                return false;
            expected *= Shape[d];
        }
        return true;
    }

    /// <summary>The strides of a contiguous tensor; the shape may be one that the constructor refuses.</summary>
    public static long[] ContiguousStrides(long[] shape)
    {
        var strides = new long[shape.Length];
        for (long d = shape.Length - 1, stride = 1; d >= 0; d--)
        {
            strides[d] = stride;
            stride = unchecked(stride * Math.Max(shape[d], 1)) & long.MaxValue;
        }
        return strides;
    }
}
