using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>Computes the columns of single rows: what prediction engines use.</summary>
internal sealed class BlockRowMapper<TItem, TBlock, TResult>(BlockScorer<TItem, TBlock, TResult> scorer) : IRowToRowMapper
{
    public DataViewSchema InputSchema => scorer.Schema.Input;

    public DataViewSchema OutputSchema => scorer.Schema.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var columns = dependingColumns.ToArray();
        var through = scorer.Schema.PassedThrough(columns);
        var computes = columns.Any(column => scorer.Schema.AddedIndex(column) >= 0);
        return [.. (computes ? through.Concat(scorer.Inputs) : through).DistinctBy(column => column.Index)];
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) =>
        new Row(scorer, input, [.. activeColumns.Select(column => column.Index)]);

    private sealed class Row : DataViewRow
    {
        private readonly BlockScorer<TItem, TBlock, TResult> scorer;
        private readonly DataViewRow input;
        private readonly HashSet<int> active;
        private readonly Lazy<Func<TItem>> read;
        private TResult? result;
        private long resultPosition = -1;
        private bool disposed;

        public Row(BlockScorer<TItem, TBlock, TResult> scorer, DataViewRow input, HashSet<int> active)
        {
            (this.scorer, this.input, this.active) = (scorer, input, active);
            read = new(() => scorer.CreateReader(input), LazyThreadSafetyMode.None);
        }

        public override DataViewSchema Schema => scorer.Schema.Output;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
                throw new ArgumentException($"The column '{column.Name}' was not asked for when this row was made.", nameof(column));
            var output = scorer.Schema.AddedIndex(column);
            return output < 0
                ? input.GetGetter<TValue>(scorer.Schema.Input[column.Index])
                : Getters.Cast<TValue>(scorer.CreateGetter(output, Current), column);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && !disposed)
            {
                disposed = true;
                input.Dispose();
            }
            base.Dispose(disposing);
        }

        /// <summary>Computed once a row, however many columns are asked for.</summary>
        private TResult Current()
        {
            if (resultPosition != input.Position)
            {
                resultPosition = -1;
                result = scorer.Score(scorer.Prepare([read.Value()]))[0];
                resultPosition = input.Position;
            }
            return result!;
        }
    }
}
