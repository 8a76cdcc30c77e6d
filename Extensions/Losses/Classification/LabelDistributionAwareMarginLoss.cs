using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// LDAM. m_c = Margin (n_c / min n)^(-1/4); z = Scale (x - m_y on the target's column); l = weighted cross-entropy of z. Class indices. The
/// logits must be cosines (normalised features and weights, no bias): with a plain linear head Scale 30 saturates. No margin is subtracted
/// at prediction. With ReweightBeta the class weights of <see cref="ClassBalancedLoss"/> join after the fraction DeferUntil of the epochs
/// (DRW); before it, and where progress is unknown unless DeferUntil is 0, they are 1. Cao et al. 2019; follows kaidic/LDAM-DRW.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit; the counts are unknown or not as many as classes.</exception>
[LossGuide(
    "CE of s(x - m_y), m_c ∝ n_c^(-1/4)",
    Use = "long-tailed data with a cosine head",
    Avoid = "logits that are no cosines",
    Cost = "cross-entropy and one pass",
    Paper = "Cao et al. 2019"
)]
public sealed record LabelDistributionAwareMarginLoss : CountedClassificationLoss
{
    /// <summary>The margin of the rarest class, on the cosine. Default 0.5.</summary>
    [Interval("(0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>Multiplies the cosines. Default 30.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 30;

    /// <summary>Beta of the class weights; the paper's 0.9999. Null (default): no weights.</summary>
    [Interval("[0, 1)")]
    public double? ReweightBeta
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The fraction of the epochs after which the class weights apply (160 of 200: 0.8, the default); 0: always.</summary>
    [Interval("[0, 1]")]
    public double DeferUntil
    {
        get;
        init => field = Valid(value);
    } = 0.8;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var margins = ClassFrequencies.Derive(
            this,
            ClassCounts,
            "margins",
            logits,
            call,
            counts => [.. counts.Select(n => -Scale * Margin * Math.Pow(n / counts.Min(), -0.25))]
        );
        var column = targets.Safe.unsqueeze(1);
        var values = ClassScores.Cost(this, (logits * Scale).scatter_add(1, column, margins.take(column)), targets);
        var reweighs = ReweightBeta is not null && (DeferUntil == 0 || call.Clock.Progress >= DeferUntil);
        var weights = reweighs
            ? ClassFrequencies.Derive(
                this,
                ClassCounts,
                "weights",
                logits,
                call,
                counts => ClassFrequencies.EffectiveNumberWeights(counts, ReweightBeta!.Value)
            )
            : null;
        return new(values, RowWeights(weights, logits, targets));
    }
}
