using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>How <see cref="GeneralizedDiceLoss"/> weighs a class with Y target pixels.</summary>
public enum DiceWeighting
{
    /// <summary>w = 1 / Y^2.</summary>
    Square,

    /// <summary>w = 1 / Y.</summary>
    Simple,

    /// <summary>w = 1.</summary>
    Uniform,
}

/// <summary>
/// One term an image: l = 1 - (2 sum_c w_c TP_c + s) / (sum_c w_c (P_c + Y_c) + s), w_c by <see cref="Weighting"/> times ClassWeights[c]; a class without target
/// pixels takes the largest w of those present (before ClassWeights). None present: l = 0 without gradient, so that false positives on empty binary
/// masks cost nothing: prefer <see cref="DiceLoss"/> there. An image wholly ignored has weight 0. <c>none</c> is [N], a scalar over the batch.
/// Shapes of logits and targets as for <see cref="RegionLoss"/>. Sudre et al. 2017; follows MONAI's <c>GeneralizedDiceLoss</c>.
/// </summary>
[LossGuide(
    "1 - (2 Σ w TP + s) / (Σ w (P + Y) + s), w = 1/Y²",
    Use = "many classes of very different size",
    Avoid = "Square with Smooth 1e-5 on large images: w of a 300 x 300 object is 1e-10; lower Smooth to 1e-12 or use Simple",
    Cost = "as Dice",
    Paper = "Sudre et al. 2017"
)]
public sealed record GeneralizedDiceLoss : WeightedMaskLoss
{
    /// <summary>The weight of a class by its size. Default Square.</summary>
    public DiceWeighting Weighting
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>s, in weighted pixels. Default 1e-5.</summary>
    [Interval("[0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    /// <summary>False leaves out class 0 of a softmax. Default true.</summary>
    public bool IncludeBackground { get; init; } = true;

    /// <summary>True: one term an image; false: one value from sums over the batch. Default true.</summary>
    public bool PerImage { get; init; } = true;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.SoftLabels;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var classWeights = Weights(targets.ClassCount, logits, call);
        var rows = RegionSums.Measure(this, logits, targets, squared: false);
        if (!PerImage)
            rows = rows.sum(1);
        if (!IncludeBackground && PixelScores.HaveBackground(targets))
        {
            rows = rows.narrow(-1, 1, rows.shape[^1] - 1);
            classWeights = classWeights?.narrow(0, 1, classWeights.shape[0] - 1);
        }
        var sums = RegionSums.From(rows);
        var weight = BySize(sums.Target.detach());
        if (classWeights is not null)
            weight = weight * classWeights;
        var wrong = (weight * (sums.FalsePositives + sums.FalseNegatives)).sum(-1);
        var whole = (weight * sums.TruePositives).sum(-1) * 2 + wrong + Smooth;
        var nothing = whole.detach().eq(0);
        return new((wrong / whole.masked_fill(nothing, 1)), sums.Valid.sum(-1).gt(0).to(logits.dtype)) { ByRow = PerImage };
    }

    private Tensor BySize(Tensor target)
    {
        var absent = target.le(0);
        var size = target.masked_fill(absent, 1);
        var weight = Weighting switch
        {
            DiceWeighting.Square => size.square().reciprocal(),
            DiceWeighting.Simple => size.reciprocal(),
            _ => ones_like(size),
        };
        var largest = weight.masked_fill(absent, 0).amax([-1], keepdim: true);
        return where(absent, largest, weight);
    }
}
