using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>
/// Data with computed columns behind it. Its cursor looks ahead and computes rows in blocks: one cursor over the source reads ahead, on its
/// own thread, what the computation needs; another follows the caller and gives what passes through.
/// </summary>
internal sealed class BlockDataView<TItem, TBlock, TResult>(IDataView source, BlockScorer<TItem, TBlock, TResult> scorer) : IDataView
{
    public DataViewSchema Schema => scorer.Schema.Output;

    public bool CanShuffle => source.CanShuffle;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var needed = columnsNeeded.ToArray();
        // Both cursors must see the same order, so each gets a generator of the same seed.
        int? seed = rand is not null && CanShuffle ? rand.Next() : null;
        var through = Open(scorer.Schema.PassedThrough(needed), seed);
        try
        {
            var active = needed.Select(column => column.Index).ToHashSet();
            var ahead = needed.Any(column => scorer.Schema.AddedIndex(column) >= 0)
                ? new LookAhead<TItem, TBlock, TResult>(scorer, () => Open(scorer.Inputs, seed))
                : null;
            return new BlockCursor<TItem, TBlock, TResult>(scorer, through, ahead, active);
        }
        catch
        {
            through.Dispose();
            throw;
        }
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private DataViewRowCursor Open(IEnumerable<DataViewSchema.Column> columns, int? seed) =>
        source.GetRowCursor(columns, seed is { } s ? new Random(s) : null);
}
