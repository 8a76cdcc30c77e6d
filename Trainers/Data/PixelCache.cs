namespace MLNetLosses.Data;

/// <summary>
/// Decoded images of one size in large blocks of memory. The first rows, as many as the budget holds, have a place; which those are does not depend on
/// who reads first. Reading and storing is safe from several threads: two that store the same row store the same bytes.
/// </summary>
internal sealed class PixelCache(int imageBytes, long budget)
{
    private const int BlockBytes = 4 << 20;
    private readonly int _rowsPerBlock = Math.Max(1, BlockBytes / imageBytes);
    private readonly Lock _growing = new();
    private volatile Block?[] _blocks = [];
    private long _stored;

    /// <summary>Rows below this number have a place.</summary>
    public long Capacity { get; } = budget / imageBytes;

    /// <summary>Images stored.</summary>
    public long Stored => Interlocked.Read(ref _stored);

    public bool TryGet(int row, out ReadOnlySpan<byte> planes)
    {
        var (index, at) = Math.DivRem(row, _rowsPerBlock);
        var blocks = _blocks;
        if (row < Capacity && index < blocks.Length && blocks[index] is { } block && Volatile.Read(ref block.Filled[at]))
        {
            planes = block.Pixels.AsSpan(at * imageBytes, imageBytes);
            return true;
        }
        planes = default;
        return false;
    }

    /// <summary>Keeps a copy if the row has a place.</summary>
    public bool TryStore(int row, ReadOnlySpan<byte> planes)
    {
        if (row >= Capacity)
            return false;
        var (index, at) = Math.DivRem(row, _rowsPerBlock);
        var block = At(index);
        planes.CopyTo(block.Pixels.AsSpan(at * imageBytes, imageBytes));
        if (!Interlocked.Exchange(ref block.Filled[at], true))
            Interlocked.Increment(ref _stored);
        return true;
    }

    private Block At(int index)
    {
        lock (_growing)
        {
            if (index >= _blocks.Length)
            {
                var grown = new Block?[Math.Max(index + 1, 2 * _blocks.Length)];
                _blocks.CopyTo(grown, 0);
                _blocks = grown;
            }
            return _blocks[index] ??= new((int)Math.Min(_rowsPerBlock, Capacity - (long)index * _rowsPerBlock), imageBytes);
        }
    }

    private sealed class Block(int rows, int imageBytes)
    {
        public readonly byte[] Pixels = GC.AllocateUninitializedArray<byte>(rows * imageBytes);
        public readonly bool[] Filled = new bool[rows];
    }
}
