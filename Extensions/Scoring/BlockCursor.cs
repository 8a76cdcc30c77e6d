using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>Joins the columns that pass through with the results that were computed ahead.</summary>
internal sealed class BlockCursor<TItem, TBlock, TResult>(
    BlockScorer<TItem, TBlock, TResult> scorer,
    DataViewRowCursor through,
    LookAhead<TItem, TBlock, TResult>? ahead,
    HashSet<int> active
) : DataViewRowCursor
{
    private readonly ValueGetter<DataViewRowId> id = through.GetIdGetter();
    private bool disposed;

    public override DataViewSchema Schema => scorer.Schema.Output;

    public override long Position => through.Position;

    public override long Batch => through.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => through.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

    public override bool MoveNext()
    {
        var more = through.MoveNext();
        if (ahead is null)
            return more;
        if (more != ahead.MoveNext())
            throw OtherRows();
        if (!more)
            return false;
        DataViewRowId identity = default;
        id(ref identity);
        return identity.Equals(ahead.Id) ? true : throw OtherRows();
    }

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
            throw new ArgumentException($"The column '{column.Name}' was not asked for when this cursor was opened.", nameof(column));
        var output = scorer.Schema.AddedIndex(column);
        return output < 0
            ? through.GetGetter<TValue>(scorer.Schema.Input[column.Index])
            : Getters.Cast<TValue>(scorer.CreateGetter(output, () => ahead!.Current), column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !disposed)
        {
            disposed = true;
            ahead?.Dispose();
            through.Dispose();
        }
        base.Dispose(disposing);
    }

    private static InvalidOperationException OtherRows() =>
        new(
            "The data gave other rows, or another order, when it was read a second time. Read it once into a view that repeats itself: mlContext.Data.Cache(data) or a list behind LoadFromEnumerable."
        );
}
