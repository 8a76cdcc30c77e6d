using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

/// <summary>What a transformer does once it knows the columns of its data.</summary>
internal abstract class BoundTransform
{
    public abstract DataViewSchema OutputSchema { get; }

    /// <summary>The data with the computed columns behind them.</summary>
    public abstract IDataView Transform(IDataView input);

    /// <summary>What prediction engines use.</summary>
    public abstract IRowToRowMapper CreateMapper();
}
