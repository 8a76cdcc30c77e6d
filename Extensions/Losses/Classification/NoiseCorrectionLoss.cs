using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A loss that knows how labels were corrupted: T[i, j] is the probability that the true class i carries the label j.</summary>
public abstract record NoiseCorrectionLoss : IndexedClassificationLoss
{
    /// <summary>T, [C] rows of [C] entries &gt;= 0 that sum to 1 (1e-6); no column is all 0.</summary>
    /// <exception cref="ArgumentException">Not square, a row that does not sum to 1, or a column of zeros.</exception>
    [Interval("[0, 1]")]
    public required ValueList<ValueList<double>> TransitionMatrix
    {
        get;
        init => field = Checked(Valid(value));
    } = [];

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    /// <summary>For each row of the batch, the row of a matrix that belongs to its label, along the classes: [N, C, ...].</summary>
    private protected Tensor RowsOf(string name, Tensor logits, ClassTargets targets, LossCall call, Func<double[]> matrix)
    {
        var classes = TransitionMatrix.Count;
        if (logits.shape[1] != classes)
            throw Shapes.Wrong(this, "logits", logits, $"[N, {classes}, ...], as many classes as TransitionMatrix has");
        var rows = call.Constant(name, logits, matrix).view([classes, classes]).index_select(0, targets.Safe.flatten());
        return targets.Safe.dim() == 1 ? rows : rows.reshape([.. targets.Safe.shape, classes]).movedim([-1], [1]);
    }

    private ValueList<ValueList<double>> Checked(ValueList<ValueList<double>> matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix, nameof(TransitionMatrix));
        if (matrix.Count < 2 || matrix.Any(row => row.Count != matrix.Count))
            throw Wrong(
                $"must be square with at least 2 rows; it has {matrix.Count} rows of {string.Join(", ", matrix.Select(r => r.Count))}"
            );
        for (var i = 0; i < matrix.Count; i++)
        {
            if (Math.Abs(matrix[i].Sum() - 1) > 1e-6)
                throw Wrong($"row {i} must sum to 1; it sums to {matrix[i].Sum()} (T[i, j]: true class i carries the label j)");
            if (matrix.All(row => row[i] == 0))
                throw Wrong($"column {i} is all 0: no class ever carries that label");
        }
        return matrix;
    }

    private protected ArgumentException Wrong(string what) => new($"{Name}: TransitionMatrix {what}.", nameof(TransitionMatrix));
}
