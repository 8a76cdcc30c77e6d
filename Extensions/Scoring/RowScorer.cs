using System.Runtime.ExceptionServices;
using Microsoft.ML;

namespace MLNetLosses.Scoring;

/// <summary>Computes columns from each row by itself, a few rows at once on several threads.</summary>
internal abstract class RowScorer<TItem, TResult>(DataViewSchema inputSchema, IReadOnlyList<DataViewSchema.DetachedColumn> outputs)
    : BlockScorer<TItem, IReadOnlyList<TResult>, TResult>(inputSchema, outputs)
{
    public override int BlockSize => 8;

    /// <summary>The results of a row. Called on several threads.</summary>
    protected abstract TResult Compute(TItem item);

    public override IReadOnlyList<TResult> Prepare(IReadOnlyList<TItem> items)
    {
        var results = new TResult[items.Count];
        var failures = new Exception?[items.Count];
        void One(int i)
        {
            try
            {
                results[i] = Compute(items[i]);
            }
            catch (Exception e)
            {
                failures[i] = e;
            }
        }
        if (items.Count == 1)
            One(0);
        else
            Parallel.For(0, items.Count, One);
        // The first row that fails is the one that a reader would have met first.
        if (Array.Find(failures, failure => failure is not null) is { } first)
            ExceptionDispatchInfo.Throw(first);
        return results;
    }

    public override IReadOnlyList<TResult> Score(IReadOnlyList<TResult> block) => block;
}
