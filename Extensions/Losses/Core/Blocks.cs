using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Runs long chains of element-wise operations over blocks that fit a core's cache: operations on whole tensors would each read and write main memory.
/// Only without a graph. On other devices than the CPU everything is one block.
/// </summary>
internal static class Blocks
{
    private const long Elements = 1 << 14;

    // Below this other threads cost more than they save: torch's own still spin after its last operation.
    private const long ParallelFrom = 32;

    /// <summary>Works through a range; each block has its own dispose scope, off the graph.</summary>
    /// <param name="like">Its device decides.</param>
    /// <param name="length">The number of items.</param>
    /// <param name="itemElements">How many elements the widest intermediate tensor has an item.</param>
    /// <param name="work">Start and number of items of a block; it writes its results into tensors that the caller owns. May run on other threads.</param>
    public static void Run(Tensor like, long length, int itemElements, Action<long, long> work)
    {
        var block = like.device_type == TorchSharp.DeviceType.CPU ? Elements / itemElements : Math.Max(1, length);
        void One(long i)
        {
            using var frozen = no_grad();
            using var scope = NewDisposeScope();
            work(i * block, Math.Min(block, length - i * block));
        }
        var count = (length + block - 1) / block;
        if (count >= ParallelFrom && get_num_threads() > 1)
            Parallel.For(0L, count, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, One);
        else
            for (var i = 0L; i < count; i++)
                One(i);
    }
}
