using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>
/// Computes columns from the columns of a row, a block of rows at a time: what a transformer is made of. Bound to one input schema. Several
/// threads may use one at once.
/// </summary>
/// <typeparam name="TItem">What is taken from a row.</typeparam>
/// <typeparam name="TBlock">Items made ready for the network.</typeparam>
/// <typeparam name="TResult">What the network says of a row.</typeparam>
internal abstract class BlockScorer<TItem, TBlock, TResult>(
    DataViewSchema inputSchema,
    IReadOnlyList<DataViewSchema.DetachedColumn> outputs
) : BoundTransform
{
    /// <summary>The schema with the computed columns at its end.</summary>
    public AppendedSchema Schema { get; } = new(inputSchema, outputs);

    public sealed override DataViewSchema OutputSchema => Schema.Output;

    public sealed override IDataView Transform(IDataView input) => new BlockDataView<TItem, TBlock, TResult>(input, this);

    public sealed override IRowToRowMapper CreateMapper() => new BlockRowMapper<TItem, TBlock, TResult>(this);

    /// <summary>The columns that the computation reads.</summary>
    public abstract IReadOnlyList<DataViewSchema.Column> Inputs { get; }

    /// <summary>How many rows are best computed together.</summary>
    public abstract int BlockSize { get; }

    /// <summary>Makes what takes the current item from a row. The item must not change when the row moves on.</summary>
    public abstract Func<TItem> CreateReader(DataViewRow row);

    /// <summary>Makes items ready: decoding and resizing. Runs ahead, on another thread than the caller's.</summary>
    public abstract TBlock Prepare(IReadOnlyList<TItem> items);

    /// <summary>Computes the results of a block, in the order of its items, and disposes the block.</summary>
    public abstract IReadOnlyList<TResult> Score(TBlock block);

    /// <summary>Gives up a block that will not be scored.</summary>
    public virtual void Discard(TBlock block) => (block as IDisposable)?.Dispose();

    /// <summary>Makes the <see cref="ValueGetter{TValue}"/> of a computed column, over the result of the current row.</summary>
    public abstract Delegate CreateGetter(int output, Func<TResult> current);
}
