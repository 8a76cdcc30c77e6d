using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Runs long chains of element-wise operations over blocks that fit a core's cache, on all cores: operations on whole tensors would each read and write main
/// memory. Only without a graph. On other devices than the CPU everything is one block.
/// </summary>
internal static class Blocks
{
    private const long Elements = 1 << 14;

    /// <summary>Works through a range; each block has its own dispose scope, off the graph.</summary>
    /// <param name="like">Its device decides.</param>
    /// <param name="length">The number of items.</param>
    /// <param name="itemElements">How many elements the widest intermediate tensor has an item.</param>
    /// <param name="work">Start and number of items of a block; it writes its results into tensors that the caller owns. May run on other threads.</param>
    public static void Run(Tensor like, long length, int itemElements, Action<long, long> work)
    {
        void One(long start, long count)
        {
            using var frozen = no_grad();
            using var scope = NewDisposeScope();
            work(start, count);
        }
        var block = Elements / itemElements;
        if (like.device_type != TorchSharp.DeviceType.CPU || length <= block)
        {
            One(0, length);
            return;
        }
        var count = (length + block - 1) / block;
        Parallel.For(
            0L,
            count,
            new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, get_num_threads()) },
            i => One(i * block, Math.Min(block, length - i * block))
        );
    }
}
