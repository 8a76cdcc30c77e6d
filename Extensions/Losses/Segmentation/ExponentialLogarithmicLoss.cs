using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// One term an image: l = DiceWeight mean_c (-ln Dice_c)^DiceGamma + CrossEntropyWeight sum w_y (-ln p_y)^CrossEntropyGamma / sum w_y;
/// Dice_c = (2 TP + s) / (P + Y + s) of that image, w = ClassWeights, which weigh the cross-entropy only (the paper's are sqrt(sum f / f_l) of the class
/// frequencies f). Powers below 1 have infinite slope at 0: value and gradient are 0 at exactly 0 and the gradient is large just above; clip gradients.
/// <c>logits</c> [N, C, ...] (C = 1: sigmoid, ClassWeights [2]), <c>targets</c> indices [N, ...]; <c>none</c> is [N]; an image wholly ignored has weight 0.
/// Wong et al. 2018, who divide the cross-entropy by the number of pixels.
/// </summary>
[LossGuide(
    "w_d mean (-ln Dice)^γ + w_c mean (-ln p_y)^γ",
    Use = "many classes of very different size in volumes",
    Avoid = "without gradient clipping",
    Cost = "Dice and cross-entropy together",
    Paper = "Wong et al. 2018"
)]
public sealed record ExponentialLogarithmicLoss : WeightedMaskLoss
{
    /// <summary>The weight of the Dice part. Default 0.8.</summary>
    [Interval("[0, inf)")]
    public double DiceWeight
    {
        get;
        init => field = Valid(value);
    } = 0.8;

    /// <summary>The weight of the cross-entropy part. Default 0.2.</summary>
    [Interval("[0, inf)")]
    public double CrossEntropyWeight
    {
        get;
        init => field = Valid(value);
    } = 0.2;

    /// <summary>The power of the Dice part. Default 0.3.</summary>
    [Interval("(0, inf)")]
    public double DiceGamma
    {
        get;
        init => field = Valid(value);
    } = 0.3;

    /// <summary>The power of the cross-entropy part. Default 0.3.</summary>
    [Interval("(0, inf)")]
    public double CrossEntropyGamma
    {
        get;
        init => field = Valid(value);
    } = 0.3;

    /// <summary>s, in pixels. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>False leaves class 0 of a softmax out of the Dice part. Default true.</summary>
    public bool IncludeBackground { get; init; } = true;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        _ = Weights(Math.Max(2, targets.ClassCount), logits, call); // their number is checked
        var curve = CrossEntropyGamma == 1 ? null : new PowerCurve(CrossEntropyGamma);
        var (rows, costs, total) = RegionSums.MeasureWithCosts(this, logits, targets, ClassWeights, curve);
        if (!IncludeBackground && PixelScores.HaveBackground(targets))
            rows = rows.narrow(2, 1, rows.shape[2] - 1);
        var sums = RegionSums.From(rows);
        var dice = RegionSums.Power(sums.NegativeLogTversky(0.5, 0.5, Smooth / 2), DiceGamma).mean([1]);
        var crossEntropy = costs / LossReducer.NotZero(total);
        return new(dice * DiceWeight + crossEntropy * CrossEntropyWeight, sums.Valid.amax(1).gt(0).to(logits.dtype));
    }
}
