using System.Threading.Channels;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>
/// Reads and prepares blocks on another thread while the caller's thread scores the block before; gives results row by row.
/// </summary>
internal sealed class LookAhead<TItem, TBlock, TResult> : IDisposable
{
    private const int FirstBlock = 8; // whoever looks at a few rows only should not wait for a whole block

    private readonly BlockScorer<TItem, TBlock, TResult> scorer;
    private readonly Func<DataViewRowCursor> open;
    private readonly CancellationTokenSource stop = new();
    private readonly Channel<(TBlock Block, DataViewRowId[] Ids)> blocks;
    private Task? reader;
    private IReadOnlyList<TResult> results = [];
    private DataViewRowId[] ids = [];
    private int at = -1;

    public LookAhead(BlockScorer<TItem, TBlock, TResult> scorer, Func<DataViewRowCursor> open)
    {
        (this.scorer, this.open) = (scorer, open);
        var options = new BoundedChannelOptions(1) { SingleReader = true, SingleWriter = true };
        blocks = Channel.CreateBounded<(TBlock, DataViewRowId[])>(options);
    }

    /// <summary>The result of the current row.</summary>
    public TResult Current => results[at];

    /// <summary>The identity of the current row.</summary>
    public DataViewRowId Id => ids[at];

    /// <summary>Goes on to the next row; false when there is none.</summary>
    public bool MoveNext()
    {
        reader ??= Task.Factory.StartNew(ReadBlocks, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (++at < results.Count)
            return true;
        if (!blocks.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult() || !blocks.Reader.TryRead(out var next))
            return false;
        results = scorer.Score(next.Block);
        ids = next.Ids;
        at = 0;
        return true;
    }

    public void Dispose()
    {
        stop.Cancel();
        while (blocks.Reader.TryRead(out var left))
            scorer.Discard(left.Block);
        // The reader owns a cursor and may be in the middle of a row: wait until it has let go of both.
        reader?.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        while (blocks.Reader.TryRead(out var left))
            scorer.Discard(left.Block);
        stop.Dispose();
    }

    private void ReadBlocks()
    {
        Exception? failure = null;
        try
        {
            using var cursor = open();
            var read = scorer.CreateReader(cursor);
            var id = cursor.GetIdGetter();
            for (var size = Math.Min(FirstBlock, scorer.BlockSize); !stop.IsCancellationRequested; size = scorer.BlockSize)
            {
                var items = new List<TItem>(size);
                var identities = new List<DataViewRowId>(size);
                DataViewRowId identity = default;
                while (items.Count < size && cursor.MoveNext())
                {
                    items.Add(read());
                    id(ref identity);
                    identities.Add(identity);
                }
                if (items.Count == 0 || !Pass(scorer.Prepare(items), [.. identities]))
                    break;
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        blocks.Writer.Complete(failure);
    }

    private bool Pass(TBlock block, DataViewRowId[] identities)
    {
        try
        {
            blocks.Writer.WriteAsync((block, identities), stop.Token).AsTask().GetAwaiter().GetResult();
            return true;
        }
        catch (OperationCanceledException)
        {
            scorer.Discard(block);
            return false;
        }
    }
}
