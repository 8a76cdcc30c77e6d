using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The cross-entropy of x_c + Tau log(n_c / sum n); Tau 1 is balanced softmax, 0 cross-entropy. Class indices. Only ratios of counts
/// matter. At prediction use the raw logits: adjusting again, class weights or balanced sampling correct twice. Menon et al. 2021; Ren et
/// al. 2020.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit; the counts are unknown or not as many as classes.</exception>
[LossGuide(
    "CE of x + τ log n_c/n",
    Use = "long-tailed data, balanced test set",
    Avoid = "class weights or balanced sampling at the same time; adjusting again at prediction",
    Cost = "cross-entropy and one pass",
    Paper = "Menon et al. 2021; Ren et al. 2020"
)]
public sealed record LogitAdjustedLoss : CountedClassificationLoss
{
    /// <summary>The strength of the correction. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Tau
    {
        get;
        init => field = Valid(value);
    } = 1;

    internal override bool IsByPixel(LossCall call) => !ClassScores.IsCurveSmall(call);

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var shift = ClassFrequencies.Derive(
            this,
            ClassCounts,
            "shift",
            logits,
            call,
            counts => [.. counts.Select(n => Tau * Math.Log(n / counts.Sum()))]
        );
        return ByRow(ClassScores.Cost(this, ClassScores.Viewed(logits) + ClassScores.AlongClasses(shift, logits), targets), targets);
    }
}
