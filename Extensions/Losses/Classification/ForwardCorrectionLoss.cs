using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = -log sum_i T[i, y] p_i, p = softmax(logits); class indices, a value a row. T[i, j] = probability that the true class i carries the
/// label j; the identity is cross-entropy. The network then predicts clean classes: no correction at prediction. Mind the orientation of T.
/// Exact at logits of thousands. Patrini et al. 2017, theorem 2; agrees with giorgiop/loss-correction, which clamps p at 1e-7.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or the classes are not as many as the matrix has.</exception>
[LossGuide(
    "-log Σ_i T[i, y] p_i",
    Use = "label noise whose transition matrix is known or estimated",
    Avoid = "a transposed matrix",
    Cost = "about six passes",
    Paper = "Patrini et al. 2017"
)]
[DefinitionExample("ForwardCorrection(transitionMatrix: [[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0, 0.8, 0], [0.1, 0.1, 0.1, 0.7]])")]
public sealed record ForwardCorrectionLoss : NoiseCorrectionLoss
{
    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        // Rows are labels: log T transposed. log 0 = -Infinity is harmless in a logsumexp that has a finite entry.
        var logs = RowsOf("logs", logits, targets, call, () => [.. Columns().Select(entry => Math.Log(entry))]);
        return ByRow(-(ClassScores.LogProbabilities(this, logits) + logs).logsumexp(1), targets);
    }

    private IEnumerable<double> Columns() =>
        from label in Enumerable.Range(0, TransitionMatrix.Count)
        from row in TransitionMatrix
        select row[label];
}
