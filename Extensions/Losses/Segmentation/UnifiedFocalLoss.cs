using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// One term an image, asymmetric: class 0 is background, all others foreground. F = mean over valid pixels of (1 - Delta) (1 - p_0)^Gamma (-ln p_0) where y = 0, and
/// Delta (-ln p_c) where y = c > 0. M_c = 1 - (TP + s) / (TP + Delta FN + (1 - Delta) FP + s); T = mean over classes of M_0 and M_c^(1 - Gamma), c > 0.
/// l = Lambda F + (1 - Lambda) T. <c>logits</c> [N, C, ...] (C = 1: sigmoid, taken as two classes), <c>targets</c> indices [N, ...]; <c>none</c> is [N]; an image wholly
/// ignored has weight 0. No class weights: Delta balances. Yeung et al. 2022; for two classes MONAI's <c>AsymmetricUnifiedFocalLoss</c> while
/// 1e-7 &lt; p &lt; 1 - 1e-7, where that one clamps.
/// </summary>
[LossGuide(
    "λ F + (1-λ) T: focal cross-entropy on background, Tversky^(1-γ) on foreground",
    Use = "few foreground pixels, binary or few classes",
    Avoid = "many classes without a background class 0",
    Cost = "Dice and cross-entropy together",
    Paper = "Yeung et al. 2022"
)]
public sealed record UnifiedFocalLoss : MaskLoss
{
    /// <summary>The weight of the focal part; 1 - Lambda is that of the Tversky part. Default 0.5.</summary>
    [Interval("[0, 1]")]
    public double Lambda
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>The weight of the foreground, and of false negatives. Default 0.6.</summary>
    [Interval("[0, 1]")]
    public double Delta
    {
        get;
        init => field = Valid(value);
    } = 0.6;

    /// <summary>How far easy background is played down and rare foreground up. Default 0.5.</summary>
    [Interval("[0, 1)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>s, in pixels. Default 1e-7.</summary>
    [Interval("(0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1e-7;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var curve = Gamma == 0 ? null : new BackgroundFocalCurve(Gamma);
        double[] balance = [1 - Delta, .. Enumerable.Repeat(Delta, Math.Max(2, targets.ClassCount) - 1)];
        var (rows, costs, _) = RegionSums.MeasureWithCosts(this, logits, targets, balance, curve);
        var sums = RegionSums.From(logits.shape[1] == 1 ? WithBackground(rows) : rows);
        var valid = sums.Valid.select(1, 0).detach();
        var focal = costs / valid.clamp(min: 1);
        var cells = sums.TverskyLoss(1 - Delta, Delta, Smooth);
        var foreground = RegionSums.Power(cells.narrow(1, 1, cells.shape[1] - 1), 1 - Gamma);
        var tversky = (cells.select(1, 0) + foreground.sum(1)) / cells.shape[1];
        return new(focal * Lambda + tversky * (1 - Lambda), valid.gt(0).to(logits.dtype));
    }

    // One logit x is two classes with logits 0 and x: what is wrong with one is wrong with the other.
    private static Tensor WithBackground(Tensor rows)
    {
        var sums = RegionSums.From(rows);
        var target = sums.Valid - sums.Target;
        var background = stack([target - sums.FalsePositives, sums.FalseNegatives, sums.FalsePositives, target, sums.Valid]);
        return cat([background, rows], 2);
    }
}
