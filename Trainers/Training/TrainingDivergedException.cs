namespace MLNetLosses.Training;

/// <summary>The loss became NaN or infinite. The last checkpoint, if there is one, is left as it was.</summary>
public sealed class TrainingDivergedException : Exception
{
    private readonly string kept;

    internal TrainingDivergedException(string term, double value, long step, int epoch, int batch, IReadOnlyList<long> rows, string kept)
        : base(
            $"The loss term '{term}' became {value} in step {step} (epoch {epoch}, batch {batch}"
                + (rows.Count == 0 ? "" : $", rows {string.Join(", ", rows.Take(20))}{(rows.Count > 20 ? ", ..." : "")}")
                + ")."
        ) => (Term, Value, Step, Epoch, Batch, Rows, this.kept) = (term, value, step, epoch, batch, rows, kept);

    /// <summary>What became no number and when, where it comes from, what to try, and where the last checkpoint is.</summary>
    public override string Message =>
        string.Join(
            " ",
            new[] { base.Message, Origin?.Evidence[What.Length..], Origin?.Advice, kept }.Where(p => !string.IsNullOrEmpty(p))
        );

    /// <summary>What the evidence of the origin begins with.</summary>
    internal string What => $"'{Term}' became {Value} in step {Step} (epoch {Epoch}, batch {Batch}). ";

    /// <summary>Where the value comes from, as far as could be found: the input, the targets, the weights, the network or the formula.</summary>
    public Finding? Origin { get; internal set; }

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
