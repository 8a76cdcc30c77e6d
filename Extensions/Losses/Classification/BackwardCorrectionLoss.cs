using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = -sum_j (T^-1)[y, j] log p_j, p = softmax(logits); class indices, a value a row. T as in <see cref="ForwardCorrectionLoss"/>, and not
/// singular. An unbiased estimate of the clean loss, but it may be negative, is unbounded below and has a high variance, the higher the
/// worse T is conditioned: forward correction is usually better. Patrini et al. 2017, theorem 1.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or the classes are not as many as the matrix has.</exception>
[LossGuide(
    "-Σ_j T⁻¹[y, j] log p_j",
    Use = "label noise, when an unbiased estimate matters",
    Avoid = "an ill-conditioned T; most cases: ForwardCorrection is steadier",
    Cost = "about four passes",
    Paper = "Patrini et al. 2017"
)]
[DefinitionExample("BackwardCorrection(transitionMatrix: [[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0, 0.8, 0], [0.1, 0.1, 0.1, 0.7]])")]
public sealed record BackwardCorrectionLoss : NoiseCorrectionLoss
{
    private const double Singular = 1e12;
    private const double Dubious = 1e3;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">TransitionMatrix is singular: its condition number exceeds 1e12.</exception>
    protected internal override void Validate()
    {
        if (SquareMatrix.Invert(TransitionMatrix).Condition is var condition and not <= Singular)
            throw Wrong($"has no usable inverse: its condition number is {condition:G3}, above {Singular:G1}. Use ForwardCorrection");
    }

    /// <inheritdoc/>
    protected internal override LossState? CreateState(LossContext context)
    {
        if (SquareMatrix.Invert(TransitionMatrix).Condition is var condition and > Dubious)
            context.Warn?.Invoke(
                $"{Name}: the condition number of TransitionMatrix is {condition:G3}; above {Dubious} the loss is noise. Use ForwardCorrection."
            );
        return null;
    }

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var inverse = RowsOf("inverse", logits, targets, call, () => SquareMatrix.Invert(TransitionMatrix).Inverse);
        return ByRow(-(inverse * ClassScores.LogProbabilities(this, logits)).sum(1), targets);
    }
}
