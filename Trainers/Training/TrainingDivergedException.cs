namespace MLNetLosses.Training;

/// <summary>The loss became NaN or infinite. The last checkpoint, if there is one, is left as it was.</summary>
public sealed class TrainingDivergedException : Exception
{
    internal TrainingDivergedException(string term, double value, long step, int epoch, int batch, IReadOnlyList<long> rows, string advice)
        : base(
            $"The loss term '{term}' became {value} in step {step} (epoch {epoch}, batch {batch}"
                + (rows.Count == 0 ? "" : $", rows {string.Join(", ", rows.Take(20))}{(rows.Count > 20 ? ", ..." : "")}")
                + $"). {advice}"
        ) => (Term, Value, Step, Epoch, Batch, Rows) = (term, value, step, epoch, batch, rows);

    /// <summary>
    /// The term's name; <c>total</c> where every term is finite and their sum is not; <c>gradient</c> for the gradient's norm.
    /// </summary>
    public string Term { get; }

    /// <summary>NaN or an infinity.</summary>
    public double Value { get; }

    /// <summary>The optimizer step, from 1.</summary>
    public long Step { get; }

    /// <summary>The epoch, from 1.</summary>
    public int Epoch { get; }

    /// <summary>The batch within the epoch, from 1.</summary>
    public int Batch { get; }

    /// <summary>The numbers of the batch's rows; empty: unknown.</summary>
    public IReadOnlyList<long> Rows { get; }
}
